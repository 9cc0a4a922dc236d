"""The trace of a model under given conditions: shipped, kept, or made now; else the nearest shipped."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace

from fitwright.core.errors import FitwrightError
from fitwright.core.files import sha256_json
from fitwright.core.provenance import package_versions
from fitwright.sizing.trace import store
from fitwright.sizing.trace.conditions import Conditions, window_of
from fitwright.sizing.trace.program import Trace
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

_STEP_BY_TOKEN = ("mamba",)
_TRACER_VERSION = 2
"""Raised when the tracer counts otherwise than before: kept traces of older versions are made anew."""


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """A trace, or why there is none.

    ``note``: what it stands in for; empty if it is the one asked for. ``differs``: in which conditions it is
    another: ``adapters``, or those of :class:`~fitwright.sizing.trace.conditions.Conditions`.
    """

    trace: Trace | None
    note: str = ""
    differs: frozenset[str] = frozenset()


def conditions_of(spec: ModelSpec, workload: Workload, device: Device) -> Conditions:
    """The conditions of ``workload`` on ``device``; a CPU keeps activations at int8 and int4 in fp32."""
    precision = "fp32"
    if workload.is_autocast:
        precision = "autocast"
    elif workload.precision in ("bf16", "fp16") or (
        workload.precision in ("int8", "int4") and device.kind != "cpu"
    ):
        precision = "low"
    window = window_of(config_values(spec))
    long = window is not None and workload.seq >= window
    # without gradients both devices hold the same tensors
    on_cpu = device.kind == "cpu" or workload.mode == "infer"
    return Conditions(
        mode=workload.mode, precision=precision, attention=workload.attention,  # type: ignore[arg-type]
        device="cpu" if on_cpu else "cuda", checkpointing=workload.checkpointing,
        window="long" if long else "short",
    )  # fmt: skip


def config_values(spec: ModelSpec) -> dict[str, object]:
    """What ``config.json`` of the model holds."""
    return {**spec.facts.get("config", {}), "model_type": spec.model_type}


def obtain(
    spec: ModelSpec,
    conditions: Conditions,
    *,
    point: tuple[int, int],
    lora_rank: int | None = None,
    now: bool = True,
) -> Obtained:
    """The trace of ``spec`` under ``conditions``, from where it is cheapest.

    A catalogue model's shipped trace needs no torch. Otherwise the model is traced now, if torch and
    transformers are installed, and the trace is kept in the user's folder. Where neither is possible, the
    nearest shipped trace stands in and the note says so.

    Args:
        point: (batch, sequence), for models whose step is no polynomial in them.
        now: trace now where nothing is at hand; takes seconds a model.
    """
    key = conditions.key()
    if lora_rank is None:
        found = store.shipped(spec.id, key)
        if found is not None:
            return Obtained(trace=found)
    why = "torch and transformers are not installed" if now else "none ships with the catalogue"
    if spec.model_type in _STEP_BY_TOKEN:
        why = f"a step of {spec.model_type} holds one operator a token"
    elif now and can_trace():
        try:
            return Obtained(trace=_kept_or_made(spec, conditions, point, lora_rank))
        except FitwrightError as error:
            why = str(error)
    return _nearest(spec, conditions, why, lora_rank)


def can_trace() -> bool:
    """Whether what traces a model is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


def _kept_or_made(
    spec: ModelSpec, conditions: Conditions, point: tuple[int, int], lora_rank: int | None
) -> Trace:
    digest, key = _digest(spec, lora_rank), conditions.key()
    at_point = f"{key}-{point[0]}x{point[1]}"
    for name in (key, at_point):
        kept = store.load_made(digest, name)
        if kept is not None:
            return kept
    from fitwright.sizing.tracing.interface import trace
    from fitwright.sizing.tracing.lora import LoRA

    found = trace(
        config_values(spec), conditions, architecture=class_name(spec), source=spec.id, point=point,
        longest=spec.max_sequence_length, untied=bool(spec.warning),
        lora=None if lora_rank is None else LoRA(rank=lora_rank),
    )  # fmt: skip
    store.save_made(digest, key if found.point is None else at_point, found)
    return found


def _digest(spec: ModelSpec, lora_rank: int | None) -> str:
    versions = package_versions(("torch", "transformers"))
    return sha256_json([
        config_values(spec), spec.architecture, versions, _TRACER_VERSION, lora_rank, bool(spec.warning)
    ])[:32]  # fmt: skip


def class_name(spec: ModelSpec) -> str | None:
    """The class to build; ``None``: the base class of the type."""
    built = spec.facts.get("built_class")
    if isinstance(built, str):
        return built
    return None if "(" in spec.architecture else spec.architecture


_FALLBACKS: tuple[dict[str, str], ...] = (
    {}, {"device": "cuda"}, {"device": "cpu"}, {"attention": "fused"}, {"precision": "low"},
    {"precision": "fp32"}, {"attention": "fused", "precision": "fp32"}, {"checkpointing": ""},
    {"checkpointing": "", "precision": "fp32"}, {"window": "short"},
    {"checkpointing": "", "attention": "fused", "precision": "fp32", "window": "short"},
)  # fmt: skip
"""What may be changed to come to a shipped trace, least harmful first."""


_TAKEN = {
    "adapters": "as full training, which needs more than adapters",
    "checkpointing": "without checkpointing, which needs more",
    "attention": "with fused attention, which needs less",
}
"""How a stand-in is spoken of."""


def _nearest(spec: ModelSpec, conditions: Conditions, why: str, lora_rank: int | None) -> Obtained:
    for change in _FALLBACKS:
        plain = {name: (value if name != "checkpointing" else False) for name, value in change.items()}
        nearby = replace(conditions, **plain)  # type: ignore[arg-type]
        found = store.shipped(spec.id, nearby.key())
        if found is not None:
            differs = [name for name in change if getattr(nearby, name) != getattr(conditions, name)]
            taken = [_TAKEN.get(name, f"with {name} {getattr(nearby, name)}") for name in differs]
            if lora_rank is not None:
                differs, taken = ["adapters", *differs], [_TAKEN["adapters"], *taken]
            return Obtained(
                trace=found,
                note=f"no trace for {conditions.key()} ({why}): taken {', '.join(taken)}",
                differs=frozenset(differs),
            )
    return Obtained(trace=None, note=f"no trace: {why}")
