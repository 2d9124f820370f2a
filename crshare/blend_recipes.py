"""The networks of Blend modules that can be trained from nothing, as values.

A. Fayyazi et al., "NeuroBlend", 2023: binary convolutions in the main path, convolutions in fixed
point in the skip path. What is public stops at the abstract, so widths, bits and strides are ours:
BlendNet-20 has the shape of ResNet-20 for CIFAR-10 (K. He et al., "Deep Residual Learning for Image
Recognition", 2016, section 4.2), a Blend module in place of each 3x3 convolution but the first.
`crshare.train.blend_net` builds them.
"""

from dataclasses import dataclass
from enum import Enum


class Schedule(Enum):
    """How the rate goes: falling exponentially; or rising in a line through the first tenth of the
    steps and then falling by half a cosine (L. N. Smith, "Super-Convergence", 2018; I. Loshchilov
    and F. Hutter, "SGDR", 2017)."""

    EXPONENTIAL = "exponential"
    COSINE = "cosine"


@dataclass(frozen=True, slots=True)
class BlendRecipe:
    """shape: of an image. widths: channels of each stage, all but the first of which halve the map.
    modules: Blend modules of a stage. integer_bits, fraction_bits: of what modules hand on, in
    two's complement. half: the pixel value that becomes 0. momentum: of the moving averages of
    batch normalisation. smooth: whether a sign's gradient is Bi-Real Net's. glorot: whether rates
    of binary kernels are multiplied by `crshare.train.rates.glorot_scale`. crop, crop_share: in
    that share of the epochs, the first ones, images are cut to squares of that side. smooth and
    crop are of training in bfloat16 alone.
    """

    name: str
    shape: tuple[int, int, int]
    widths: tuple[int, ...]
    modules: int
    integer_bits: int = 4
    fraction_bits: int = 4
    half: float = 127.5
    n_classes: int = 10
    epochs: int = 30
    batch: int = 128
    first_rate: float = 3e-3
    last_rate: float = 1e-5
    momentum: float = 0.9
    schedule: Schedule = Schedule.EXPONENTIAL
    smooth: bool = False
    glorot: bool = False
    crop: int = 0
    crop_share: float = 0.0


BLEND_RECIPES = {
    recipe.name: recipe
    for recipe in (
        BlendRecipe(
            "blendnet20",
            (32, 32, 3),
            (16, 32, 64),
            6,
            epochs=24,
            batch=64,
            momentum=0.99,
            schedule=Schedule.COSINE,
            smooth=True,
            glorot=True,
            crop=24,
            crop_share=2 / 3,
        ),
        BlendRecipe("blend-mnist", (28, 28, 1), (16, 32), 2, epochs=5),
        BlendRecipe("blend-digits", (8, 8, 1), (16, 32), 2, half=8.0, epochs=60, batch=50),
    )
}
