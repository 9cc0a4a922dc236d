"""A profile held against small real models that it was not made of."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fitwright.core.progress import Progress, Silent
from fitwright.core.provenance import package_versions
from fitwright.sizing import devices
from fitwright.sizing.ledger import store
from fitwright.sizing.ledger.entry import Entry, Span
from fitwright.sizing.pricing.page_faults import step_faulted_bytes
from fitwright.sizing.pricing.price import Price, price_step
from fitwright.sizing.pricing.profile import Profile
from fitwright.sizing.profiling.measure import NOISY, SETTLE_S, at_threads
from fitwright.sizing.profiling.timing import Call, Clock, Subject, Timing, repeat_error, time_in_turns
from fitwright.sizing.trace.conditions import Conditions

METHOD = "profile"
"""How these estimates are made, as the ledger names it."""


def _bert(layers: int, hidden: int) -> dict[str, Any]:
    return {
        "model_type": "bert", "num_hidden_layers": layers, "hidden_size": hidden,
        "num_attention_heads": hidden // 64, "intermediate_size": 4 * hidden,
    }  # fmt: skip


MODELS: Mapping[str, Mapping[str, Any]] = {
    "bert-4x256": _bert(4, 256), "bert-6x384": _bert(6, 384), "bert-12x768": _bert(12, 768),
    "distilbert": {"model_type": "distilbert"},
    "gpt2": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]},
}  # fmt: skip
"""Configs of models with random weights."""
ENCODERS: Mapping[str, tuple[int, int, int, int]] = {
    "encoder-4x256": (4, 64, 1024, 4), "encoder-6x384": (12, 32, 1536, 6), "encoder-12x768": (12, 64, 3072,
    12),
}  # fmt: skip
"""Layers of encoders in ONNX: heads, width of a head, width of the feed-forward layer, layers."""
POINTS = ((1, 16), (1, 64), (1, 256), (8, 64))


@dataclass(frozen=True, kw_only=True)
class Point:
    """One workload.

    Attributes:
        model: of random weights; ``engine``, ``precision``, ``batch``, ``seq``: the workload.
        measured_s: median of the calls; low and high: its fastest and slowest quarter.
        estimated_s: by the profile; low and high: its interval.
    """

    model: str
    engine: str
    precision: str
    batch: int
    seq: int
    measured_s: float
    measured_low_s: float
    measured_high_s: float
    estimated_s: float
    estimated_low_s: float
    estimated_high_s: float

    @property
    def name(self) -> str:
        return f"{self.model} {self.engine} {self.precision} {self.batch}×{self.seq}"

    @property
    def error(self) -> float:
        """Relative, positive where the estimate is too high."""
        return self.estimated_s / self.measured_s - 1


@dataclass(frozen=True, kw_only=True)
class Validation:
    """All points, with the error that measuring them again has."""

    points: tuple[Point, ...]
    repeat_error: float

    @property
    def median_error(self) -> float:
        return statistics.median(self._errors) if self.points else 0.0

    @property
    def p90_error(self) -> float:
        """The smallest error that nine tenths of the points do not exceed."""
        return self._errors[math.ceil(0.9 * len(self._errors)) - 1] if self.points else 0.0

    @property
    def _errors(self) -> list[float]:
        return sorted(abs(point.error) for point in self.points)

    def as_json(self) -> dict[str, Any]:
        return {
            "median_error": self.median_error, "p90_error": self.p90_error, "repeat_error": self.repeat_error,
            "points": [{**asdict(point), "error": point.error} for point in self.points],
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Case:
    model: str
    engine: str
    precision: str
    batch: int
    seq: int
    call: Call
    price: Price


def validate(
    profile: Profile,
    *,
    engines: Sequence[str] = ("torch", "onnxruntime"),
    seconds: float = 60.0,
    models: Sequence[str] | None = None,
    points: Sequence[tuple[int, int]] = POINTS,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter,
) -> Validation:
    """Time small models with random weights in turns, and keep each beside its estimate in the ledger.

    Args:
        profile: of this machine; its threads are used.
        engines: to validate, of those in the profile.
        seconds: for measuring; every case gets three rounds whatever it costs.
        models: names in :data:`MODELS` and :data:`ENCODERS`; ``None``: all.
        points: (batch, tokens).
        progress: where to report to.
        clock: seconds, monotonic.
    """
    progress = progress or Silent()
    chosen = [*MODELS, *ENCODERS] if models is None else models
    with at_threads(profile.device["threads"], torch="torch" in engines):
        cases: dict[str, _Case] = {}
        for engine in engines:
            for precision in profile.precisions(engine):
                make = _torch_cases if engine == "torch" else _onnx_cases
                for case in make(profile, precision, chosen, points):
                    cases[f"{case.model} {engine} {precision} {case.batch}×{case.seq}"] = case
        subjects = [
            Subject(name=n, prepare=partial(_after_itself, c.call), settle_s=SETTLE_S)
            for n, c in cases.items()
        ]
        timings = time_in_turns(
            subjects,
            seconds=seconds,
            title="validating",
            progress=progress,
            clock=clock,
            needed=len(subjects),
        )
    result = Validation(
        points=tuple(_point(case, timings[name]) for name, case in cases.items()),
        repeat_error=repeat_error(list(timings.values())),
    )
    store.keep(_entries(result, profile), progress.say)
    return result


def _torch_cases(
    profile: Profile, precision: str, chosen: Sequence[str], points: Sequence[tuple[int, int]]
) -> Iterator[_Case]:
    from fitwright.sizing.profiling.reference import steps_of
    from fitwright.sizing.tracing.interface import trace

    conditions = Conditions(precision="fp32" if precision == "fp32" else "low")
    for name in MODELS:
        if name not in chosen:
            continue
        traced = trace(MODELS[name], conditions, source=name)
        for (batch, seq), step in steps_of(MODELS[name], points, mode="infer", precision=precision).items():
            price = price_step(
                traced.ops_at(batch, seq), traced.modules, profile, "torch", precision,
                faulted_bytes=step_faulted_bytes(traced, batch, seq),
            )  # fmt: skip
            yield _Case(
                model=name, engine="torch", precision=precision, batch=batch, seq=seq, call=step, price=price
            )


def _onnx_cases(
    profile: Profile, precision: str, chosen: Sequence[str], points: Sequence[tuple[int, int]]
) -> Iterator[_Case]:
    from fitwright.sizing.profiling.onnx_encoder import encoder_calls, encoder_ops

    for name, shape in ENCODERS.items():
        if name not in chosen:
            continue
        calls = encoder_calls(shape, precision, points, profile.device["threads"])
        for (batch, seq), call in calls.items():
            price = price_step(encoder_ops(shape, batch, seq), 0, profile, "onnxruntime", precision)
            yield _Case(
                model=name, engine="onnxruntime", precision=precision, batch=batch, seq=seq, call=call,
                price=price,
            )  # fmt: skip


def _point(case: _Case, timing: Timing) -> Point:
    low, middle, high = timing.quartiles
    return Point(
        model=case.model, engine=case.engine, precision=case.precision, batch=case.batch, seq=case.seq,
        measured_s=middle, measured_low_s=low, measured_high_s=high,
        estimated_s=case.price.seconds, estimated_low_s=case.price.low, estimated_high_s=case.price.high,
    )  # fmt: skip


def _entries(result: Validation, profile: Profile) -> list[Entry]:
    threads, when = profile.device["threads"], datetime.now(UTC).isoformat(timespec="seconds")
    device, versions = devices.detect(threads), package_versions()
    return [
        Entry(
            when=when, quantity="latency", unit="s", device=device.name, device_kind=device.kind,
            mode="infer", engine=point.engine, precision=point.precision, model=point.model,
            batch=point.batch, seq=point.seq, threads=threads, method=METHOD, profile_id=profile.key,
            source="profile", disturbed=result.repeat_error > NOISY, versions=versions,
            estimated=Span(value=point.estimated_s, low=point.estimated_low_s, high=point.estimated_high_s),
            measured=Span(value=point.measured_s, low=point.measured_low_s, high=point.measured_high_s),
        )
        for point in result.points
    ]  # fmt: skip


def _after_itself(call: Call) -> tuple[Call, Call]:
    """Timed right after an untimed run, as a model that serves one request after another finds the caches."""
    return call, call
