"""Many bits of many weights into one number, or into its highest bit: compressor trees."""

from solver.bit_heap.plan import Chain, Link, LinkKind, Tree, compressor_tree
from solver.bit_heap.sites import sites

__all__ = ["Chain", "Link", "LinkKind", "Tree", "compressor_tree", "sites"]
