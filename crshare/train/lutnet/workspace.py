"""Memory that a step of training needs anew each time, kept from one to the next.

Large arrays that are made and freed cost a page fault for every 4 KB: a third of the time of a step
of `lutnet-cifar10`.
"""

from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from crshare.arrays import Array


@dataclass(frozen=True, eq=False)
class Workspace:
    """Of a layer: arrays by name, as large as they have ever been."""

    kept: dict[str, Array] = field(default_factory=dict)

    def array(self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """Of any values; the array of this name that was given before is no more."""
        n = prod(shape)
        memory = self.kept.get(name)
        if memory is None or len(memory) < n:
            memory = self.kept[name] = np.empty(n, dtype)
        return memory[:n].reshape(shape)
