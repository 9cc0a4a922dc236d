"""A table of training runs: read, checked, and what is odd about it said.

What is not a number, not positive or not possible is refused with its row. Nothing is repaired or left out in
silence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fitwright.core.errors import DataError
from fitwright.scaling.cells import FLOPS_PER_PARAMETER_AND_TOKEN, Array, Cells, cells_of
from fitwright.scaling.columns import Columns

_NAMED = 3
_LEAST_SIZE, _LEAST_TOKENS = 1e3, 1e4
_MOST_PER_PARAMETER, _LEAST_PER_PARAMETER = 1e6, 1e-4
_MOST_LOSS = 30.0
_ODD_GAP, _TWO_UNITS = 1e3, 3e4


@dataclass(frozen=True, kw_only=True)
class Runs:
    """R runs that were trained. Arrays are (R,), plain numbers.

    Attributes:
        size: parameters N. data: tokens D that were seen, repeats counted. unique: tokens that differ, at
            most D.
        loss: held-out loss in nats for each token.
        accuracy: on a task, 0 to 1; no number where a run told none. ``None`` where no column was named.
        accuracy_name: that column.
        size_kind: whether N counts embeddings.
        warnings: what is odd about the table.
    """

    size: Array
    data: Array
    unique: Array
    loss: Array
    accuracy: Array | None = None
    accuracy_name: str = "accuracy"
    size_kind: str = "unstated"
    warnings: tuple[str, ...] = ()

    @property
    def cells(self) -> Cells:
        return cells_of(self.size, self.data, self.unique)

    @property
    def flops(self) -> Array:
        """(R,): C = 6·N·D."""
        return FLOPS_PER_PARAMETER_AND_TOKEN * self.size * self.data

    def __len__(self) -> int:
        return len(self.size)

    def as_json(self) -> dict[str, Any]:
        return {
            "n": self.size.tolist(), "d": self.data.tolist(), "unique": self.unique.tolist(),
            "loss": self.loss.tolist(), "n_counts": self.size_kind,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Runs:
        arrays = {key: np.asarray(data[key], float) for key in ("n", "d", "unique", "loss")}
        return cls(
            size=arrays["n"], data=arrays["d"], unique=arrays["unique"], loss=arrays["loss"],
            size_kind=data["n_counts"],
        )  # fmt: skip


def runs_of(table: Mapping[str, Sequence[str]], columns: Columns, *, size_kind: str | None = None) -> Runs:
    """Numbers of a table whose values are text.

    Raises:
        DataError: a value that is missing, no number, not finite or not positive; a unit that is off by a
            million; more unique tokens than tokens.
    """
    size, loss = _numbers(table, columns.n), _numbers(table, columns.loss)
    if columns.d is not None:
        data = _numbers(table, columns.d)
    else:
        data = _numbers(table, str(columns.flops)) / (FLOPS_PER_PARAMETER_AND_TOKEN * size)
    unique = data if columns.unique is None else _numbers(table, columns.unique)
    _refuse_units(size, data, columns)
    _refuse_losses(loss, columns.loss)
    warnings = [*_unit_warnings(size, data), *_duplicates(size, data, unique, loss)]
    if columns.unique is not None and bool((unique > data * 1.01).any()):
        more = int((unique > data * 1.01).sum())
        warnings.append(
            f"{more} runs did not see all of their unique tokens: the tokens they saw count as unique"
        )
    unique = np.minimum(unique, data)
    return Runs(
        size=size, data=data, unique=unique, loss=loss, size_kind=size_kind or columns.size_kind,
        accuracy=None if columns.accuracy is None else _shares(table, columns.accuracy),
        accuracy_name=columns.accuracy or "accuracy",
        warnings=tuple(warnings),
    )  # fmt: skip


def _numbers(table: Mapping[str, Sequence[str]], name: str) -> Array:
    values: list[float] = []
    wrong: list[tuple[int, str]] = []
    for row, text in enumerate(table[name], start=1):
        try:
            value = float(text.replace("_", "").strip())
        except ValueError:
            value = math.nan
        values.append(value)
        if not (math.isfinite(value) and value > 0):
            wrong.append((row, text.strip() or "nothing"))
    if wrong:
        shown = ", ".join(f"{text!r} in row {row}" for row, text in wrong[:_NAMED])
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise DataError(
            f"column {name!r}: {len(wrong)} of {len(values)} values cannot be used: {shown}{more}",
            allowed="finite numbers above zero",
            mend="Rows count from 1 below the header. A run that diverged has no loss: take its row out.",
        )  # fmt: skip
    return np.array(values)


def _shares(table: Mapping[str, Sequence[str]], name: str) -> Array:
    """Numbers; an empty one is none."""
    values: list[float] = []
    for row, text in enumerate(table[name], start=1):
        try:
            values.append(float(text.strip() or "nan"))
        except ValueError:
            raise DataError(
                f"column {name!r}: no number in row {row}", got=text, allowed="0 to 1, or nothing",
                mend="Rows count from 1 below the header.",
            ) from None  # fmt: skip
    return np.array(values)


def _refuse_units(size: Array, data: Array, columns: Columns) -> None:
    tokens = f"column {columns.d!r}" if columns.d else f"tokens from column {columns.flops!r} (C/6N)"
    ratio = float(np.exp(np.median(np.log(data / size))))
    told = f"median N {np.median(size):.4g}, median D {np.median(data):.4g}, D/N {ratio:.3g}"
    plain = "Give plain numbers: 70000000, not 70 for 70 million."
    if np.median(size) < _LEAST_SIZE:
        raise DataError(f"column {columns.n!r} looks like millions or billions of parameters", got=told,
                        allowed=f"N of {_LEAST_SIZE:g} and more", mend=plain)  # fmt: skip
    if np.median(data) < _LEAST_TOKENS:
        raise DataError(f"{tokens} looks like millions or billions of tokens", got=told,
                        allowed=f"D of {_LEAST_TOKENS:g} and more", mend=plain)  # fmt: skip
    if not _LEAST_PER_PARAMETER < ratio < _MOST_PER_PARAMETER:
        raise DataError(f"column {columns.n!r} and {tokens} do not fit each other: a unit is off", got=told,
                        allowed="0.0001 to 1,000,000 tokens for each parameter", mend=plain)  # fmt: skip


def _refuse_losses(loss: Array, name: str) -> None:
    if np.median(loss) > _MOST_LOSS:
        raise DataError(
            f"column {name!r} does not look like a loss in nats for each token", got=f"median "
            f"{np.median(loss):.4g}",
            allowed=f"at most about {_MOST_LOSS:g}", mend="Of a perplexity give its natural logarithm.",
        )  # fmt: skip
    if bool((loss == loss[0]).all()) and len(loss) > 1:
        raise DataError("all runs have the same loss: no law can be read from it", got=f"{loss[0]:g}")


def _unit_warnings(size: Array, data: Array) -> list[str]:
    """A gap of a thousandfold is odd; one of 30,000 is rows in two units."""
    found = []
    for what, values in (("parameters", size), ("tokens", data)):
        ordered = np.sort(values)
        if len(ordered) < 2:
            continue
        steps = ordered[1:] / ordered[:-1]
        at = int(np.argmax(steps))
        low, high = float(ordered[at]), float(ordered[at + 1])
        if steps[at] > _TWO_UNITS:
            few = (
                np.flatnonzero(values <= low) if at + 1 <= len(values) / 2 else np.flatnonzero(values >= high)
            )
            raise DataError(
                f"some rows give {what} in another unit: a gap of {steps[at]:.3g}× from {low:.3g} to "
                f"{high:.3g}",
                got=f"row {', '.join(str(row + 1) for row in few[:_NAMED])}",
                mend="Give all rows in plain numbers: 70000000, not 70 for 70 million.",
            )
        if steps[at] > _ODD_GAP:
            found.append(
                f"a gap of {steps[at]:.3g}× in the {what} ({low:.3g} to {high:.3g}): "
                "are all rows in the same unit?"
            )
    return found


def _duplicates(size: Array, data: Array, unique: Array, loss: Array) -> list[str]:
    """The same run twice is no second measurement; the same cell with another loss is (seeds)."""
    rows = np.stack([size, data, unique, loss], axis=1)
    same = len(rows) - len(np.unique(rows, axis=0))
    if not same:
        return []
    return [
        f"{same} rows repeat another row in all of N, D and loss: they count twice; take them out if they "
        f"are copies"
    ]
