"""The networks that can be trained from nothing, as values: those of papers on binarised ones.

M. Courbariaux et al., "Binarized Neural Networks", 2016, section 2; Y. Umuroglu et al., "FINN",
2017. `crshare.train.recipes` builds them.
"""

from dataclasses import dataclass

from crshare.errors import CrshareError

FLOAT32, BFLOAT16 = PRECISIONS = ("float32", "bfloat16")


class RecipeError(CrshareError):
    """No recipe has that name."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """shape: of an image. blocks: filters of 3x3 convolutions, each block ends in 2x2 pooling.
    dense: widths of the dense layers before the last. half: the pixel value that becomes 0.
    binary_input: whether pixels become bits before the first layer, +1 from `half` on."""

    name: str
    shape: tuple[int, int, int]
    blocks: tuple[tuple[int, ...], ...]
    dense: tuple[int, ...]
    half: float = 127.5
    n_classes: int = 10
    epochs: int = 100
    batch: int = 50
    first_rate: float = 1e-3
    last_rate: float = 3e-7
    binary_input: bool = False


def _binarynet(name: str, width: int, dense: int) -> Recipe:
    blocks = tuple((width * k, width * k) for k in (1, 2, 4))
    return Recipe(name, (32, 32, 3), blocks, (dense, dense))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        _binarynet("binarynet-cifar10", 128, 1024),
        _binarynet("binarynet-half-cifar10", 64, 512),
        _binarynet("binarynet-svhn", 64, 1024),
        Recipe("mnist-mlp", (28, 28, 1), (), (4096, 4096, 4096), first_rate=3e-3),
        Recipe("mnist-mlp-half", (28, 28, 1), (), (2048, 2048, 2048), first_rate=3e-3),
        Recipe(
            "sfc-mnist",
            (28, 28, 1),
            (),
            (256, 256, 256),
            epochs=40,
            batch=100,
            first_rate=3e-3,
            last_rate=1e-6,
            binary_input=True,
        ),
        Recipe(
            "turned-digits", (14, 14, 1), ((32, 64), (64,)), (128,), n_classes=40, first_rate=3e-3
        ),
        Recipe("digits", (8, 8, 1), ((16, 32),), (64,), half=8.0, first_rate=3e-3),
    )
}


def recipe_of(name: str) -> Recipe:
    """RecipeError where there is none of that name."""
    if name not in RECIPES:
        raise RecipeError(f"no recipe is named {name!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
