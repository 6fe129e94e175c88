"""Array types of the duplicate engine, beside those of `cleantext.changes`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["F64", "U64"]

F64 = npt.NDArray[np.float64]
U64 = npt.NDArray[np.uint64]
