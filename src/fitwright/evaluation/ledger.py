"""What an evaluation writes into the ledger: each figure beside the estimate for the same workload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fitwright.catalog.local import read_model_directory
from fitwright.core.errors import FitwrightError
from fitwright.core.files import read_json, sha256_json
from fitwright.core.progress import Progress
from fitwright.core.provenance import package_versions
from fitwright.engines.artefact import Artefact
from fitwright.evaluation.memory import MEASURED_ROWS
from fitwright.evaluation.speed import THROUGHPUT_BATCH
from fitwright.sizing.compressed import predict_variant
from fitwright.sizing.devices import detect
from fitwright.sizing.ledger import intervals, store
from fitwright.sizing.ledger.entry import DEFAULT_METHOD, Entry, Source, Span
from fitwright.sizing.ledger.residuals import Group
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

VERSIONED = ("fitwright", "torch", "transformers", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measured side of an evaluation.

    Attributes:
        folder: of the model.
        record: its figures, with ``engine``, ``precision``, ``batch``, ``seq`` and ``threads``.
        lengths: tokens of each row.
    """

    folder: Path
    record: Record
    lengths: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A measured quantity under the ledger's name, and the estimator's own answer for its workload."""

    quantity: str
    measured: Quantity
    estimated: Quantity
    workload: Workload
    method: str
    profile_id: str | None


def note_evaluation(
    sides: Iterable[Measured], *, source: Source, disturbed: bool, progress: Progress
) -> None:
    """Put every side's figures into the ledger. Never fails: what cannot be kept is said.

    Args:
        sides: what was measured.
        source: which command measured it.
        disturbed: other work disturbed the speed measurement.
        progress: where a problem is said.
    """
    entries: list[Entry] = []
    for side in sides:
        try:
            entries += entries_of(side, source=source, disturbed=disturbed)
        except (FitwrightError, OSError) as error:
            progress.say(f"not in the ledger, {side.record.subject} cannot be estimated: {error}")
    store.keep(entries, progress.say)


def entries_of(side: Measured, *, source: Source, disturbed: bool) -> list[Entry]:
    """One entry for each quantity of ``side`` that has an estimate.

    Raises:
        UsageError, DataError: the folder does not tell the model's shape, or no estimate is made for it.
    """
    spec, context = shape_of(side.folder), side.record.context
    device = detect(context["threads"])
    versions = package_versions(VERSIONED)
    found = []
    for pair in _pairs(side, spec, device):
        group = Group.asked(
            pair.quantity, device, pair.workload, engine=context["engine"], method=pair.method
        )
        raw = pair.estimated
        if not (raw.value > 0 and pair.measured.value > 0):
            continue
        told = intervals.interval_for(group, raw.value, raw.low or raw.value, raw.high or raw.value)
        found.append(Entry(
            when=store.utc_now(), quantity=pair.quantity, unit=pair.measured.unit, device=device.name,
            device_kind=device.kind, mode="infer", engine=context["engine"], precision=context["precision"],
            model=label(side.folder, spec), shape=shape_hash(spec), batch=pair.workload.batch,
            seq=pair.workload.seq, threads=context["threads"],
            estimated=Span(value=told.value, low=told.low, high=told.high), raw=raw.value,
            measured=Span.of(pair.measured), method=pair.method, profile_id=pair.profile_id, source=source,
            disturbed=disturbed and pair.measured.unit in ("s", "1/s"), versions=versions,
        ))  # fmt: skip
    return found


def shape_of(folder: Path) -> ModelSpec:
    """The sizes of the model in ``folder``; of an engine without weights, those of what it was made from.

    Raises:
        UsageError, DataError: neither is there any more, or the source has another configuration by now.
    """
    try:
        return read_model_directory(folder)
    except FitwrightError:
        manifest = Artefact.open(folder).manifest
        source = Path(str((manifest.made_from if manifest else {}).get("model") or ""))
        if manifest is None or not source.name or not (source / "config.json").is_file():
            raise
        if read_json(source / "config.json") != read_json(folder / "config.json"):
            raise
    return read_model_directory(source)


def label(folder: Path, spec: ModelSpec) -> str:
    """The folder's own name, without the path that leads to it, and the shape: ``teacher (bert 6x384)``."""
    layers, hidden = spec.layers, spec.dims.get("hidden")
    return f"{folder.resolve().name} ({spec.model_type} {layers}x{hidden})"


def shape_hash(spec: ModelSpec) -> str:
    """Twelve characters that are the same for models that cost the same."""
    return sha256_json([spec.kind, spec.model_type, dict(spec.dims), spec.parameters])[:12]


def _pairs(side: Measured, spec: ModelSpec, device: Device) -> list[_Pair]:
    """What was measured, each beside its estimate for the very workload of the measurement.

    Latency: rows of the median and of the 95th-percentile length, of the longest row in each call where calls
    have several. Throughput: batches of 32 at the mean length. Memory: the 32 longest rows, padded. The size
    has no workload: 1 row of 1 token.
    """
    context, tops = side.record.context, _call_lengths(side.lengths, side.record.context["batch"])
    fixed = context["seq"]
    mean = max(1, round(sum(side.lengths) / len(side.lengths)))
    call = Workload(batch=context["batch"], seq=fixed or max(1, tops[len(tops) // 2]))
    long = replace(call, seq=fixed or max(1, tops[min(len(tops) - 1, 95 * len(tops) // 100)]))
    sorted_rows = Workload(batch=min(THROUGHPUT_BATCH, len(side.lengths)), seq=mean)
    heaviest = Workload(batch=min(MEASURED_ROWS, len(side.lengths)), seq=max(1, *side.lengths))
    plan = (
        ("latency", "latency-p50", "latency", call), ("latency-p95", "latency-p95", "latency", long),
        ("throughput", "throughput", "throughput", sorted_rows),
        ("memory-process", "memory", "memory", heaviest), ("size", "size", "size", Workload(batch=1, seq=1)),
    )  # fmt: skip
    pairs = []
    for quantity, seen, asked, workload in plan:
        measured = side.record.get(seen)
        if measured is None:
            continue
        predicted = _predict(spec, workload, device, context["engine"], context["precision"])
        estimated = predicted.get(asked)
        if estimated is not None:
            pairs.append(_Pair(
                quantity=quantity, measured=measured, estimated=estimated,
                workload=replace(workload, precision=context["precision"]),
                method=_method(predicted, asked), profile_id=predicted.context.get("profile_id"),
            ))  # fmt: skip
    return pairs


def _predict(spec: ModelSpec, workload: Workload, device: Device, engine: str, precision: str) -> Record:
    """The estimator's own answer, uncorrected by the ledger: the one place where estimates are asked for."""
    with intervals.off():
        return predict_variant(
            spec, layers=spec.layers or 0, precision=precision, workload=workload, device=device,
            engine=engine,
        )  # fmt: skip


def _method(predicted: Record, name: str) -> str:
    """How the estimate was made, where the estimator says so in its context under ``methods``."""
    return str((predicted.context.get("methods") or {}).get(name, DEFAULT_METHOD))


def _call_lengths(lengths: Sequence[int], batch: int) -> list[int]:
    """The longest row of each call of ``batch`` rows, ascending: what a padded call is as long as."""
    calls = [max(lengths[start : start + batch]) for start in range(0, len(lengths), batch)]
    return sorted(calls)
