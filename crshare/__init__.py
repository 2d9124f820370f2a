"""crshare: result sharing for binarized neural networks."""

__version__ = "0.1.0"
