"""Names of array types; shapes stand where the arrays are used."""

from typing import Any

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Signs = npt.NDArray[np.int8]  # of +1 and -1
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Forms = npt.NDArray[np.signedinteger[Any]]  # linear forms, in the narrowest type that holds them
