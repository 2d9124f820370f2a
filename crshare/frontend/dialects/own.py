"""crshare's own layers, which `crshare.train` registers with Keras: values in fixed point."""

from fractions import Fraction

from crshare.frontend.config import KerasLayer
from crshare.frontend.dialect import Context, Dialect, Field, LayerClass, LayerOps, Library
from crshare.thresholds.layer_ops import Round

MOST_BITS = 32


def fixed_point(layer: KerasLayer, context: Context) -> LayerOps:
    """Two's complement of integer_bits, sign included, and fraction_bits; halves up."""
    n_integer, n_fraction = (_bits(layer, key) for key in ("integer_bits", "fraction_bits"))
    unit, top = Fraction(1, 2**n_fraction), Fraction(2**n_integer, 2)
    return (Round(layer.name, unit, -top, top - unit, "up"),)


def _bits(layer: KerasLayer, key: str) -> int:
    number = layer.number(key, -1)
    least = 1 if key == "integer_bits" else 0
    if number != int(number) or not least <= number <= MOST_BITS:
        raise layer.refuse(
            f"has {key} {number:g}; a number in fixed point has {least} to {MOST_BITS}"
        )
    return int(number)


DIALECT = Dialect(
    name="crshare",
    library=Library("own"),
    packages=("crshare",),
    registered_as="crshare",
    marks=("integer_bits", "fraction_bits"),
    classes={
        "FixedPoint": LayerClass(
            fixed_point,
            dict.fromkeys(("integer_bits", "fraction_bits"), Field.NUMBER),
            variables=(),
        )
    },
)
