"""Networks in fixed point as a Python function, offered by `import crshare` beside those of api.

fixed = crshare.to_fixed_point(crshare.load("bireal.h5"), "fixed.npz", bits="4.4", images=images)
model = crshare.load("fixed.npz")
"""

from os import PathLike
from pathlib import Path

from crshare.errors import NetworkError
from crshare.evaluation.fixed_point import Fixed, asked, in_fixed_point
from crshare.frontend.lut_container import write_lut_network
from crshare.images.image_set import ImageSet, fitting
from crshare.limits import FACTOR_BITS
from crshare.model.read import Model


def to_fixed_point(
    model: Model,
    path: str | PathLike[str],
    *,
    bits: str = "4.4",
    images: ImageSet | None = None,
    factor_bits: int = 8,
) -> Fixed:
    """Write a model with real values in fixed point, as a network that `load` reads (.npz).

    bits: of real values, INTEGER.FRACTION, or all of them alone, where some of the images choose
        the place of the point for each layer. images: labelled ones, on which `accuracy` of the
        result compares the two. factor_bits: of factors and of real-valued weights
        (docs/fixed-point.md). Raises NetworkError where there is nothing to round, or images are
        needed and missing.
    """
    FACTOR_BITS.check("factor_bits", factor_bits)
    given = None if images is None else fitting(images, model.network)
    try:
        found = in_fixed_point(model.network, asked(bits), given, factor_bits=factor_bits)
    except NetworkError as error:
        raise NetworkError(f"{model.path}: {error}") from error
    write_lut_network(found.network, Path(path), model.library)
    return found
