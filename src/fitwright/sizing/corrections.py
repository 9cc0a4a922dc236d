"""How a measurement moves the predictions that share its conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record

_SPREAD_AFTER_ONE_POINT = 1.5


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A factor on one predicted quantity.

    Attributes:
        factor: measured ÷ predicted.
        spread: the corrected interval reaches from value ÷ spread to value × spread.
        source: what was measured, for the note.
    """

    factor: float
    spread: float = _SPREAD_AFTER_ONE_POINT
    source: str = "one measured point"

    def __post_init__(self) -> None:
        if self.factor <= 0 or self.spread < 1:
            raise UsageError(
                "a correction needs a positive factor and a spread of at least 1",
                got=(self.factor, self.spread),
            )

    def apply(self, predicted: Quantity) -> Quantity:
        """The corrected prediction; still an estimate, with a narrower interval."""
        value = predicted.value * self.factor
        return replace(
            predicted, value=value, low=value / self.spread, high=value * self.spread,
            note=f"{predicted.note}; scaled by {self.factor:.3g} after {self.source}".lstrip("; "),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """Corrections by quantity name (``latency``, ``memory``, ``size``). Empty: nothing changes."""

    by_name: Mapping[str, Correction] = field(default_factory=dict)

    def apply(self, name: str, predicted: Quantity) -> Quantity:
        """``predicted`` corrected under ``name``, or unchanged where nothing was measured."""
        correction = self.by_name.get(name)
        return predicted if correction is None else correction.apply(predicted)


def from_point(predicted: Record, measured: Record, *, source: str = "one measured point") -> Corrections:
    """Corrections from one model measured under the conditions that it was predicted for.

    Every quantity that both records hold, with positive values, gives a factor.
    """
    found = {
        name: Correction(factor=measured[name].value / quantity.value, source=source)
        for name, quantity in predicted.quantities.items()
        if quantity.origin == "estimated"
        and (seen := measured.get(name)) is not None
        and seen.origin == "measured"
        and seen.value > 0
        and quantity.value > 0
    }
    return Corrections(by_name=found)
