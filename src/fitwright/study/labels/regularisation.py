"""What dropout and weight decay bought, at each size and amount of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.study.labels.runs import LabelRow, preferred


@dataclass(frozen=True, kw_only=True)
class Effect:
    """An encoder on an amount of labels, with each regularisation.

    Attributes:
        errors: (dropout, weight decay) → mean held-out error over draws, each at the epochs that validation
            preferred; in the order of :func:`settings_of`.
        draws: samples of rows that it is a mean of.
    """

    model: str
    parameters: int
    rows: int
    errors: dict[tuple[str, str], float]
    draws: int

    @property
    def bought(self) -> float:
        """By how much the best of them lowers the error of the first."""
        values = list(self.errors.values())
        return values[0] - min(values)

    @property
    def best(self) -> tuple[str, str]:
        """The regularisation with the lowest error, of equals the first."""
        return min(self.errors, key=self.errors.__getitem__)


def settings_of(rows: Sequence[LabelRow]) -> tuple[tuple[str, str], ...]:
    """Dropouts and weight decays that were tried, weakest first; the model's own dropout before all."""
    return tuple(sorted({row.regularisation for row in rows}, key=lambda s: (float(s[0] or -1), float(s[1]))))


def effects(rows: Sequence[LabelRow]) -> tuple[Effect, ...]:
    """Each encoder and amount that was trained in more than one way; smallest encoder and amount first."""
    groups: dict[tuple[int, str, int], list[LabelRow]] = defaultdict(list)
    for row in rows:
        groups[row.parameters, row.model, row.rows].append(row)
    found = []
    for (parameters, model, amount), members in sorted(groups.items()):
        tried = settings_of(members)
        if len(tried) < 2:
            continue
        draws = sorted({row.draw for row in members})
        errors = {setting: _mean(members, setting, draws) for setting in tried}
        found.append(Effect(model=model, parameters=parameters, rows=amount, errors=errors, draws=len(draws)))
    return tuple(found)


def _mean(rows: Sequence[LabelRow], setting: tuple[str, str], draws: Sequence[int]) -> float:
    errors = []
    for draw in draws:
        members = [row for row in rows if row.regularisation == setting and row.draw == draw]
        if members:
            errors.append(preferred(members).error)
    return sum(errors) / len(errors)
