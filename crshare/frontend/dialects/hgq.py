"""HGQ2's layers (Sun et al. 2024), none of which is read."""

from crshare.frontend.dialect import Dialect, NoLibrary

DIALECT = Dialect(
    name="HGQ2",
    library=NoLibrary("which crshare does not read"),
    registered_as="hgq",
    refusal=(
        "whose weights are fixed-point numbers; none of HGQ2's widths is +1/-1, so crshare has "
        "nothing to share; train it with Larq or QKeras"
    ),
)
