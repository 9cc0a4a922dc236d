"""Which engine and precision suit a device: rules as data, tried in order."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fitwright.spec.device import Device
from fitwright.spec.model import Kind

_DATA = Path(__file__).with_name("data") / "runtimes.json"
_WELL_ABOVE = 1.5


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """An engine and a precision. ``engine`` is ``None`` where Fitwright has none for the device."""

    engine: str | None
    precision: str
    reason: str
    source: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        names = {"onnxruntime": "ONNX Runtime", "torch": "PyTorch", None: "no engine"}
        return f"{names[self.engine]}, {self.precision}"


def suit(device: Device, kind: Kind, precision: str | None = None) -> Runtime:
    """What a model of ``kind`` runs fastest with on ``device``, by its instruction set or data sheet.

    Source: ``data/runtimes.json``, a reason and a source for each rule; the first that holds is taken. Known
    error: the rules name what computes fastest; short rows on few cores can be bound by overhead instead,
    which only a measurement shows.

    Args:
        precision: asked for by the user; then only the engine is chosen.
    """
    for rule in _rules():
        fits = rule["device"] == device.kind and (rule["kinds"] is None or kind in rule["kinds"])
        if not fits or (precision is not None and rule["precision"] != precision):
            continue
        if rule["needs_hardware"] and not has_hardware(device, rule["precision"]):
            continue
        return Runtime(**{key: rule[key] for key in ("engine", "precision", "reason", "source")})
    engine = _engine_for(device, kind, precision)
    return Runtime(
        engine=engine, precision=precision or "fp32", reason="precision as asked for", source="the user"
    )


def has_hardware(device: Device, precision: str) -> bool:
    """Whether ``device`` has units for it; where it does not say: whether its peak is well above fp32's."""
    found = device.has_units_for(precision)
    if found is not None:
        return found
    peak, fp32 = device.peak_flops.get(precision), device.peak_flops.get("fp32")
    return peak is not None and fp32 is not None and peak >= _WELL_ABOVE * fp32


def _engine_for(device: Device, kind: Kind, precision: str | None) -> str | None:
    """ONNX Runtime runs the int8 files of encoders on a CPU; torch runs the rest; nothing runs on an NPU."""
    if device.kind == "npu":
        return None
    return "onnxruntime" if (device.kind, kind, precision) == ("cpu", "encoder", "int8") else "torch"


@lru_cache(maxsize=1)
def _rules() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(_DATA.read_text(encoding="utf-8")))
