"""The networks of Blend modules that can be trained from nothing, as values.

A. Fayyazi et al., "NeuroBlend", 2023: binary convolutions in the main path, convolutions in fixed
point in the skip path. What is public stops at the abstract, so widths, bits and strides are ours:
BlendNet-20 has the shape of ResNet-20 for CIFAR-10 (K. He et al., "Deep Residual Learning for Image
Recognition", 2016, section 4.2), a Blend module in place of each 3x3 convolution but the first.
`crshare.train.blend_net` builds them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BlendRecipe:
    """shape: of an image. widths: channels of each stage, all but the first of which halve the map.
    modules: Blend modules of a stage. integer_bits, fraction_bits: of what modules hand on, in
    two's complement. half: the pixel value that becomes 0."""

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


BLEND_RECIPES = {
    recipe.name: recipe
    for recipe in (
        BlendRecipe("blendnet20", (32, 32, 3), (16, 32, 64), 6),
        BlendRecipe("blend-mnist", (28, 28, 1), (16, 32), 2, epochs=5),
        BlendRecipe("blend-digits", (8, 8, 1), (16, 32), 2, half=8.0, epochs=60, batch=50),
    )
}
