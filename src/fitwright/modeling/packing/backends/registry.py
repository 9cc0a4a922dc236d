"""The backends by name, and which of them a machine has."""

from __future__ import annotations

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.backends.flash import Flash
from fitwright.modeling.packing.backends.flex import Flex
from fitwright.modeling.packing.backends.grouped import Grouped
from fitwright.modeling.packing.backends.interface import Backend, Machine
from fitwright.modeling.packing.backends.varlen import Varlen

_ALL: tuple[Backend, ...] = (Flash(), Varlen(), Flex(), Grouped())
BACKENDS: dict[str, Backend] = {backend.name: backend for backend in _ALL}
"""In the order in which they are preferred where nothing is timed."""


def backend_of(name: str) -> Backend:
    """The backend of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in BACKENDS:
        raise UsageError("unknown attention backend", got=name, allowed=", ".join(BACKENDS))
    return BACKENDS[name]


def refusals(machine: Machine) -> dict[str, str | None]:
    """For each backend why it cannot train on that machine; ``None`` where it can."""
    return {name: backend.refusal(machine) for name, backend in BACKENDS.items()}
