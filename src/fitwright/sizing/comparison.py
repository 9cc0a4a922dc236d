"""Several models under one workload on one device: the rows of ``compare``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.sizing.interface import estimate
from fitwright.sizing.largest_batch import LIMIT, largest_batch
from fitwright.sizing.lengths import length_of, longer_than_allowed
from fitwright.sizing.memory.course import Course
from fitwright.sizing.memory.step import PARTS, kept_bytes
from fitwright.sizing.run_plan import PlannedRun, RunPlan, plan_run
from fitwright.sizing.suggestions import Suggestion, suggest
from fitwright.sizing.trace.obtain import conditions_of, obtain
from fitwright.sizing.verdict import FREE_SHARE, Verdict, judge
from fitwright.sizing.windows import plan_windows
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

SCHEMA = 2
_SLACK = 1.1
"""What a larger batch needs for each byte of live tensors: allocators leave holes."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model of a comparison.

    Attributes:
        asked: the name it was asked for by.
        workload: what was estimated; windows: how many windows of ``workload.seq`` tokens stand for each row
            of ``asked_seq``; the record's latency and FLOPs count them all, its memory one batch of them.
        largest_batch: that fits the device; ``None`` where unknown or not asked for.
        suggestions: what would lower the memory; ``None`` where not asked for.
        run: the training run that was asked for.
    """

    asked: str
    spec: ModelSpec
    record: Record
    workload: Workload
    device: Device
    windows: int = 1
    asked_seq: int | None = None
    largest_batch: int | None = None
    suggestions: tuple[Suggestion, ...] | None = None
    run: PlannedRun | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is unknown is ``null``, never left out."""
        latency = self.record.get("latency")
        return {
            "schema": SCHEMA,
            "asked": self.asked,
            "model": self._model(),
            "workload": {**self.asked_workload.as_json(), "windows": self.windows},
            "device": self.device.as_json(),
            "flops": {"forward": self._whole("flops"), "training_step": self._whole("flops-training-step")},
            "size": plain(self.record.get("size")),
            "memory": self._memory(),
            "latency": plain(latency),
            "throughput": plain(throughput(latency, self.workload.batch)),
            "verdict": self.verdict,
            "largest_batch": self.largest_batch,
            "assumptions": list(self.record.context["assumptions"]),
            "suggestions": None if self.suggestions is None else [s.as_json() for s in self.suggestions],
            "run": None if self.run is None else self.run.as_json(),
        }

    @property
    def verdict(self) -> Verdict:
        """Whether it fits the device."""
        return judge(self.record.get("memory-process"), self.device)

    @property
    def asked_workload(self) -> Workload:
        """As asked for: rows that are cut into windows count once, at their whole length."""
        if self.windows == 1 or self.asked_seq is None:
            return self.workload
        return replace(self.workload, seq=self.asked_seq)

    def _model(self) -> dict[str, Any]:
        spec = self.spec
        return {
            "id": spec.id, "name": spec.name, "class": spec.architecture, "kind": spec.kind,
            "family": spec.family, "layers": layers_text(spec), "dims": dict(spec.dims),
            "max_sequence_length": spec.max_sequence_length, "open_weights": spec.open_weights,
            "licence": spec.licence, "languages": list(spec.languages), "tasks": list(spec.tasks),
            "recommended_use": recommended_use(spec), "confidence": spec.confidence,
            "parameters": {
                "total": spec.parameters,
                "non_embedding": self._whole("non-embedding"),
                "active": self._whole("active") or spec.parameters,
            },
        }  # fmt: skip

    def _memory(self) -> dict[str, Any]:
        parts = {
            "optimiser_state" if part == "optimiser" else part: self._whole(f"memory-{part}")
            for part in PARTS
        }
        known = self.record.get("memory-allocated") is not None
        return {
            "allocated": plain(self.record.get("memory-allocated")),
            "reserved": plain(self.record.get("memory-reserved")),
            "process": plain(self.record.get("memory-process")),
            "breakdown": {name: size or 0 for name, size in parts.items()} if known else None,
            "instant": self.record.context.get("instant"),
        }

    def _whole(self, name: str) -> int | None:
        value = self.record.value(name)
        return None if value is None else round(value)


def plain(quantity: Quantity | None) -> dict[str, Any] | None:
    """``{value, unit, origin, low, high, note}``, or ``None``."""
    return None if quantity is None else quantity.as_json()


def throughput(latency: Quantity | None, rows: int) -> Quantity | None:
    """Rows a second of one copy, batch after batch."""
    if latency is None:
        return None
    low, high = latency.low or latency.value, latency.high or latency.value
    return Quantity.estimated(
        rows / latency.value, "1/s", low=rows / high, high=rows / low, note="rows a second"
    )


def compare(
    models: Sequence[tuple[str, ModelSpec]], workload: Workload, device: Device, *, seq_given: bool = True
) -> tuple[Row, ...]:
    """One row a model, in the order given. ``models``: (name asked for, spec).

    Rows longer than an encoder's maximum are planned as sliding windows that overlap by a quarter. Where
    ``workload.seq`` is nobody's wish (not ``seq_given``), a model that takes less is compared at its maximum.
    """
    return tuple(_at_its_length(asked, spec, workload, device, seq_given) for asked, spec in models)


def _at_its_length(asked: str, spec: ModelSpec, workload: Workload, device: Device, seq_given: bool) -> Row:
    seq, note = length_of(spec, workload.seq if seq_given else None)
    row = _row(asked, spec, replace(workload, seq=seq), device)
    if note:
        row.record.context["assumptions"].append(note)
    return row


def _row(asked: str, spec: ModelSpec, workload: Workload, device: Device) -> Row:
    if not longer_than_allowed(spec, workload) or spec.kind != "encoder":
        record = estimate(spec, workload, device)
        return Row(asked=asked, spec=spec, record=record, workload=workload, device=device)
    plan = plan_windows(workload.seq, spec.max_sequence_length or workload.seq)
    each = replace(workload, seq=plan.length)
    record = estimate(spec, each, device)
    record.context["assumptions"].append(
        f"{workload.seq} tokens are more than its {plan.length}: {plan.count} windows a row, "
        f"{plan.overlap} tokens shared"
    )
    for name in ("latency", "flops", "flops-training-step"):
        quantity = record.get(name)
        if quantity is not None:
            record = record.with_quantities(**{name: _times(quantity, plan.count)})
    return Row(
        asked=asked,
        spec=spec,
        record=record,
        workload=each,
        device=device,
        windows=plan.count,
        asked_seq=workload.seq,
    )


def _times(quantity: Quantity, factor: int) -> Quantity:
    low, high = quantity.low or quantity.value, quantity.high or quantity.value
    return replace(quantity, value=quantity.value * factor, low=low * factor, high=high * factor)


def sized(
    asked: str, spec: ModelSpec, workload: Workload, device: Device, plan: RunPlan | None = None, *,
    seq_given: bool = True,
) -> Row:  # fmt: skip
    """One model with all that can be said: the largest batch, what would lower its memory, and the run.

    ``seq_given``: as in :func:`compare`.

    Raises:
        UsageError: the sequence is longer than the model's hard limit.
    """
    seq, note = length_of(spec, workload.seq if seq_given else None)
    workload = replace(workload, seq=seq)
    if longer_than_allowed(spec, workload):
        windows = "'fitwright compare' plans longer inputs as sliding windows."
        raise UsageError(
            "seq is beyond the model's maximum", got=workload.seq,
            allowed=f"at most {spec.max_sequence_length}",
            mend=windows if spec.kind == "encoder" else None,
        )  # fmt: skip
    run = None if plan is None else plan_run(spec, workload, device, plan)
    row = Row(
        asked=asked,
        spec=spec,
        record=estimate(spec, workload, device),
        workload=workload,
        device=device,
        run=run,
    )
    row.record.context["assumptions"].extend([note] if note else [])
    process = row.record.get("memory-process")
    if process is None:
        return replace(row, suggestions=())
    return replace(
        row,
        suggestions=suggest(spec, workload, device, row.record),
        largest_batch=_largest(spec, workload, device, process),
    )


def _largest(spec: ModelSpec, workload: Workload, device: Device, process: Quantity) -> int | None:
    """The largest batch whose own estimate fits, looked for around what live tensors alone suggest."""
    found = obtain(
        spec,
        conditions_of(spec, workload, device),
        point=(workload.micro_batch, workload.seq),
        lora_rank=workload.lora_rank,
    )
    trace = found.trace
    if trace is None or trace.point is not None or device.memory_bytes is None:
        return None
    limit = FREE_SHARE * device.memory_bytes
    kept = kept_bytes(trace, workload, device)
    course = Course(trace)
    now = course.peak_bytes(workload.micro_batch, workload.seq)
    fixed = (process.high or process.value) - now * _SLACK

    def may_fit(micro_batch: int) -> bool:
        return max(kept, fixed) + _SLACK * course.peak_bytes(micro_batch, workload.seq) <= limit

    def fits(micro_batch: int) -> bool:
        other = replace(workload, batch=micro_batch * workload.accumulation)
        return judge(estimate(spec, other, device).get("memory-process"), device) == "fits"

    return workload.accumulation * _largest_near(largest_batch(may_fit), fits)


def _largest_near(guess: int, fits: Callable[[int], bool]) -> int:
    """The largest number that ``fits``: in steps of a sixteenth from ``guess``, then by bisection; else 0."""
    step = max(1, guess // 16)
    low, high = guess, guess + step
    while high <= LIMIT and fits(high):
        low, high = high, high + step
    if low == guess:
        while low > 0 and not fits(low):
            low, high = max(0, low - step), low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def layers_text(spec: ModelSpec) -> str | None:
    """``12``; encoder and decoder stacks as ``6+6``; the towers of a multimodal model likewise."""
    dims = spec.dims
    for first, second in (("encoder_layers", "decoder_layers"), ("text_layers", "vision_layers")):
        if first in dims and second in dims:
            return f"{dims[first]}+{dims[second]}"
    return str(dims["layers"]) if "layers" in dims else None


_USES: tuple[tuple[str, str], ...] = (
    ("sentence-similarity", "search, embeddings"),
    ("long-document classification", "long-text classification"),
    ("automatic-speech-recognition", "speech to text"),
    ("image-captioning", "image captions"),
    ("visual-question-answering", "questions about images"),
    ("zero-shot-image-classification", "image–text matching"),
    ("image-classification", "image classification"),
    ("text-classification", "classification, tagging"),
    ("summarization", "summaries, translation"),
    ("translation", "translation"),
    ("text-generation", "text generation"),
    ("text2text-generation", "text to text"),
    ("fill-mask", "fill-mask, fine-tuning"),
    ("feature-extraction", "embeddings, fine-tuning"),
)


def recommended_use(spec: ModelSpec) -> str | None:
    """A few words from the tasks that the model is published for; ``None`` if there are none."""
    return next((words for task, words in _USES if task in spec.tasks), None)
