"""A row of quantities about one subject: what every stage writes and every report reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.spec.quantity import Quantity


@dataclass(frozen=True, kw_only=True)
class Record:
    """Quantities about one subject under stated conditions.

    Attributes:
        subject: what the row is about: a model id, or a candidate's name.
        quantities: by standard name, for example ``parameters``, ``size``, ``latency-p50``,
            ``latency-p95``, ``throughput``, ``memory``, ``accuracy``, ``f1``, ``drop``. ``quality`` is
            the gate metric's alias and is never stored twice.
        context: the conditions: ``engine``, ``precision``, ``batch``, ``seq``, ``threads``, ``split``,
            ``rows``. Plain JSON values.
    """

    subject: str
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Quantity:
        try:
            return self.quantities[name]
        except KeyError:
            raise UsageError(
                f"the record of {self.subject} has no such quantity",
                got=name,
                allowed=", ".join(sorted(self.quantities)),
            ) from None

    def get(self, name: str) -> Quantity | None:
        """The quantity, or ``None`` where the record does not hold it."""
        return self.quantities.get(name)

    def value(self, name: str) -> float | None:
        """The bare number, or ``None`` where the record does not hold it."""
        quantity = self.quantities.get(name)
        return None if quantity is None else quantity.value

    def with_quantities(self, **more: Quantity) -> Record:
        """A copy with more quantities; underscores in keywords stand for hyphens."""
        added = {name.replace("_", "-"): quantity for name, quantity in more.items()}
        return Record(subject=self.subject, quantities={**self.quantities, **added}, context=self.context)

    def as_json(self) -> dict[str, Any]:
        """``{subject, quantities: {name: quantity}, context}``."""
        return {
            "subject": self.subject,
            "quantities": {name: q.as_json() for name, q in self.quantities.items()},
            "context": dict(self.context),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Record:
        """The inverse of :meth:`as_json`."""
        return cls(
            subject=data["subject"],
            quantities={k: Quantity.from_json(v) for k, v in data["quantities"].items()},
            context=data["context"],
        )
