"""The names of the arrays that kernels take, one meaning each, for who imports kernels too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Float32s", "Floats", "Int32s", "Ints", "UInt32s"]

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]
UInt32s = NDArray[np.uint32]
Bools = NDArray[np.bool_]
