"""Runs as the laws see them: logarithms of size, tokens and unique tokens, around a reference point.

Legend of shapes: R runs, B problems that are fitted at once, P parameters of a law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
FLOPS_PER_PARAMETER_AND_TOKEN = 6.0
"""C = 6·N·D (Kaplan et al. 2020, section 2.1). Known error: attention's own products are left out."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Size, tokens and unique tokens of R runs as natural logarithms relative to a reference.

    The reference keeps the problem well conditioned: far from the data, ``A`` and ``alpha`` of ``A/N^alpha``
    can hardly be told apart.

    Attributes:
        size, data, unique: (R,) logarithms less the reference; ``unique`` is at most ``data``.
        size_reference, data_reference: natural logarithms that were taken off.
    """

    size: Array
    data: Array
    unique: Array
    size_reference: float = 0.0
    data_reference: float = 0.0

    @property
    def compute(self) -> Array:
        """(R,) logarithm of C = 6·N·D, absolute."""
        offset = np.log(FLOPS_PER_PARAMETER_AND_TOKEN) + self.size_reference + self.data_reference
        return np.asarray(self.size + self.data + offset)

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """(R,) whether a run saw its data more than once (a hundredth more does not count)."""
        return np.asarray(self.data - self.unique > 0.01)

    def __len__(self) -> int:
        return len(self.size)


def cells_of(
    size: ArrayLike, data: ArrayLike, unique: ArrayLike | None = None, *, centre: bool = True
) -> Cells:
    """Cells of plain numbers; ``centre`` takes the geometric means as the reference, else 1 and 1."""
    log_size, log_data = np.log(np.asarray(size, float)), np.log(np.asarray(data, float))
    log_unique = log_data if unique is None else np.minimum(np.log(np.asarray(unique, float)), log_data)
    size_reference = float(log_size.mean()) if centre else 0.0
    data_reference = float(log_data.mean()) if centre else 0.0
    return Cells(
        size=log_size - size_reference, data=log_data - data_reference, unique=log_unique - data_reference,
        size_reference=size_reference, data_reference=data_reference,
    )  # fmt: skip
