"""Whether a ladder of runs can carry a law at all, and what weakens it."""

from __future__ import annotations

import numpy as np

from fitwright.core.errors import DataError
from fitwright.core.units import format_count
from fitwright.scaling.cells import Array
from fitwright.scaling.laws.interface import Law
from fitwright.scaling.runs import Runs

_FEWEST_RUNS, _FEWEST_LEVELS = 6, 3
_NO_SPREAD, _LITTLE_SPREAD = 1.5, 8.0
_LITTLE_COMPUTE = 8.0
_FAR_OFF = 8.0
_NAMED = 5


def refuse_weak(runs: Runs, law: Law | None) -> None:
    """Refuse what no fit can be read from.

    Args:
        law: the form that was asked for; ``None``: to be chosen.

    Raises:
        DataError: fewer runs than numbers to fit, one size only, too few sizes or amounts of data, tokens for
            each parameter that never change.
    """
    sizes, amounts = _levels(runs.size), _levels(runs.data)
    only_data = law is not None and law.name == "data-only"
    if sizes == 1 and not only_data:
        raise DataError(
            "all runs have one size: nothing can be said about other sizes",
            got=f"N = {format_count(runs.size[0])}",
            allowed=f"at least {_FEWEST_LEVELS} sizes",
            mend="Train other sizes too, or fit the data alone with --law data-only.",
        )  # fmt: skip
    numbers = 3 if law is None else len(law.inner_names)
    different = len(
        np.unique(np.round(np.stack([runs.cells.size, runs.cells.data, runs.cells.unique]), 3), axis=1).T
    )
    if different < max(_FEWEST_RUNS, numbers + 1):
        raise DataError(
            "too few different runs to fit a law to", got=different,
            allowed=f"at least {max(_FEWEST_RUNS, numbers + 1)} cells of size and data",
            mend="Train more cells.",
        )  # fmt: skip
    if only_data:
        if amounts < _FEWEST_LEVELS:
            raise _few("amounts of data", amounts)
        return
    for what, count in (("sizes", sizes), ("amounts of data", amounts)):
        if count < _FEWEST_LEVELS:
            raise _few(what, count)
    spread = _spread(runs)
    if spread < _NO_SPREAD:
        raise DataError(
            "every run has the same number of tokens for each parameter: what size does and what data "
            "does cannot "
            "be told apart", got=f"a spread of {spread:.2f}×", allowed=f"{_LITTLE_SPREAD:g}× and more",
            mend="Train some sizes on less data and some on more.",
        )  # fmt: skip


def weaknesses(runs: Runs) -> list[str]:
    """What weakens the ladder, in words."""
    found = []
    spread, span = _spread(runs), float(runs.flops.max() / runs.flops.min())
    if spread < _LITTLE_SPREAD:
        found.append(
            f"tokens for each parameter spread over {spread:.1f}× only: A, B and the exponents can hardly "
            f"be told "
            f"apart; {_LITTLE_SPREAD:g}× and more is needed"
        )
    if span < _LITTLE_COMPUTE:
        found.append(f"the ladder spans {span:.1f}× in compute: it can carry almost no extrapolation")
    return found


def odd_runs(residual_R: Array) -> list[str]:
    """Runs that lie far from the law (eight times the usual distance), by their row."""
    usual = float(np.median(np.abs(residual_R)))
    off = np.flatnonzero(np.abs(residual_R) > max(_FAR_OFF * usual, 0.02))
    if not len(off):
        return []
    rows = ", ".join(f"{at + 1} ({np.expm1(residual_R[at]):+.0%})" for at in off[:_NAMED])
    more = f" and {len(off) - _NAMED} more" if len(off) > _NAMED else ""
    return [f"far from the law, and hardly counted by it: rows {rows}{more}; check that they ended well"]


def _levels(values: Array) -> int:
    return len(np.unique(np.round(np.log(values), 2)))


def _spread(runs: Runs) -> float:
    ratio = runs.data / runs.size
    return float(ratio.max() / ratio.min())


def _few(what: str, count: int) -> DataError:
    return DataError(
        f"too few {what}", got=count, allowed=f"at least {_FEWEST_LEVELS}", mend="Train more cells."
    )
