"""One model on one dataset, all of it: quality, speed, memory and size, alone or beside its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress, Silent
from fitwright.core.provenance import usable_cores
from fitwright.data.dataset import LabelledText
from fitwright.engines.classifier import TextClassifier
from fitwright.evaluation.contention import watch_contention
from fitwright.evaluation.ledger import Measured, note_evaluation
from fitwright.evaluation.memory import measure_peak_memory
from fitwright.evaluation.quality import Quality, compare_quality, measure_quality
from fitwright.evaluation.size import count_parameters, measure_size
from fitwright.evaluation.speed import Speed, measure_speed, speed_ratio
from fitwright.metrics.intervals import Metric
from fitwright.sizing.ledger.entry import Source
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record

CANDIDATE, SOURCE = "candidate", "source"
SOURCE_ENGINE = "torch"


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How to measure.

    Attributes:
        batch: rows of a call for the latency.
        seq: tokens of a row for the latency; ``None`` takes the rows' own lengths.
        threads: of one run, for every engine; ``None`` takes the cores that this process may use.
        seconds: time aimed at for the speed of each model.
        rounds: most rounds of the speed measurement.
        repeats: processes of the memory measurement.
        speed, memory: whether to measure them.
        metric: of the drop.
        seed: of samples, orders and resampling.
    """

    batch: int = 1
    seq: int | None = None
    threads: int | None = None
    seconds: float = 6.0
    rounds: int = 10
    repeats: int = 3
    speed: bool = True
    memory: bool = True
    metric: Metric = "accuracy"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch", "seq", "threads", "rounds", "repeats"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} must be at least 1", got=value)
        if not self.seconds > 0:
            raise UsageError("seconds must be positive", got=self.seconds)
        if self.metric not in ("accuracy", "macro_f1"):
            raise UsageError("unknown metric", got=self.metric, allowed="accuracy, macro_f1")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured.

    Attributes:
        candidate: record of the model asked about; with a source it holds ``drop``.
        source: record of the model it is held against.
        ratios: how many times better the candidate is, by quantity; ``size`` and ``memory`` are the
            candidate's share of the source.
        quality, source_quality: the answers behind the scores.
        speeds: raw samples under ``candidate`` and ``source``.
        settings: as resolved.
        warnings: what a reader of the figures must know.
    """

    candidate: Record
    source: Record | None
    ratios: Mapping[str, Quantity]
    quality: Quality
    source_quality: Quality | None
    speeds: Mapping[str, Speed] = field(default_factory=dict)
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        sides = {CANDIDATE: (self.candidate, self.quality), SOURCE: (self.source, self.source_quality)}
        return {
            **{
                name: None if record is None or quality is None
                else {**record.as_json(), "quality": quality.as_json()}
                for name, (record, quality) in sides.items()
            },
            "ratios": {name: quantity.as_json() for name, quantity in self.ratios.items()},
            "samples": {name: speed.samples for name, speed in self.speeds.items()},
            "settings": asdict(self.settings),
            "warnings": list(self.warnings),
        }  # fmt: skip


def evaluate(
    directory: Path,
    dataset: LabelledText,
    *,
    engine: str | None = None,
    against: Path | None = None,
    settings: EvaluationSettings | None = None,
    context: Mapping[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    keep_as: Source | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure the model in ``directory``, and beside it its source where one is given.

    Args:
        directory: model directory or bundle.
        dataset: rows that neither model was trained on.
        engine: of the candidate; ``None`` takes the one that serves.
        against: model directory of the source, measured in torch fp32 on the same rows in the same run.
        settings: how to measure.
        context: more conditions for the records, for example ``split``.
        warnings: carried into the result.
        keep_as: the command in whose name speed, memory and size go into the ledger beside their estimates;
            ``None``: they do not.
        progress: where to report to.

    Raises:
        UsageError, DataError: a directory, engine or dataset that cannot be used.
        RunError: an engine failed.
    """
    settings, progress = settings or EvaluationSettings(), progress or Silent()
    sides = {CANDIDATE: _load(Path(directory), engine, dataset, settings)}
    if against is not None:
        sides[SOURCE] = _load(Path(against), SOURCE_ENGINE, dataset, settings)
    qualities = {
        name: measure_quality(side.classifier, dataset, seed=settings.seed, progress=progress)
        for name, side in sides.items()
    }
    speeds, busy = _measure_speeds(sides, settings, progress)
    records = {
        name: _record(side, qualities[name], speeds.get(name), settings, context or {}, progress)
        for name, side in sides.items()
    }
    if keep_as is not None:
        note_evaluation(
            [_measured(side, records[name]) for name, side in sides.items()], source=keep_as,
            disturbed=bool(busy), progress=progress,
        )  # fmt: skip
    if against is not None:
        drop = compare_quality(
            qualities[SOURCE], qualities[CANDIDATE], metric=settings.metric, seed=settings.seed
        )
        records[CANDIDATE] = records[CANDIDATE].with_quantities(drop=drop)
    return Evaluation(
        candidate=records[CANDIDATE], source=records.get(SOURCE), ratios=_ratios(records, speeds),
        quality=qualities[CANDIDATE], source_quality=qualities.get(SOURCE), speeds=speeds, settings=settings,
        warnings=(*warnings, *busy),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One of the two models, loaded, with its own encoding of the rows."""

    folder: Path
    classifier: TextClassifier
    token_ids: list[list[int]]
    threads: int


def _load(folder: Path, engine: str | None, dataset: LabelledText, settings: EvaluationSettings) -> _Side:
    threads = settings.threads or usable_cores()
    classifier = TextClassifier.load(folder, engine=engine, threads=threads)
    token_ids = classifier.tokenizer.encode(dataset.texts)
    return _Side(folder=folder, classifier=classifier, token_ids=token_ids, threads=threads)


def _measured(side: _Side, record: Record) -> Measured:
    return Measured(folder=side.folder, record=record, lengths=[len(row) for row in side.token_ids])


def _measure_speeds(
    sides: Mapping[str, _Side], settings: EvaluationSettings, progress: Progress
) -> tuple[dict[str, Speed], tuple[str, ...]]:
    """Speeds by side, and a warning where other work disturbed them; nothing where not asked for."""
    if not settings.speed:
        return {}, ()
    with watch_contention() as contention:
        speeds = measure_speed(
            {name: side.classifier.engine for name, side in sides.items()},
            {name: side.token_ids for name, side in sides.items()},
            pad_id={name: side.classifier.tokenizer.pad_id for name, side in sides.items()},
            batch=settings.batch, seq=settings.seq, rounds=settings.rounds, seconds=settings.seconds,
            threads=next(iter(sides.values())).threads, seed=settings.seed, progress=progress,
        )  # fmt: skip
    busy = contention.warning()
    return speeds, () if busy is None else (busy,)


def _record(
    side: _Side,
    quality: Quality,
    speed: Speed | None,
    settings: EvaluationSettings,
    context: Mapping[str, Any],
    progress: Progress,
) -> Record:
    """One side's quantities by standard name, and the conditions."""
    engine = side.classifier.engine
    quantities = {"accuracy": quality.accuracy, "f1": quality.f1}
    parameters = count_parameters(side.folder)
    if parameters is not None:
        quantities["parameters"] = Quantity.exact(parameters, "1", note="counted in the safetensors headers")
    quantities["size"] = measure_size(side.folder, engine.name)
    if speed is not None:
        quantities.update(speed.quantities)
    if settings.memory:
        quantities["memory"] = measure_peak_memory(
            side.folder, engine.name, side.token_ids, pad_id=side.classifier.tokenizer.pad_id,
            threads=side.threads, repeats=settings.repeats, progress=progress,
        )  # fmt: skip
    conditions = {
        "engine": engine.name, "precision": engine.precision, "batch": settings.batch, "seq": settings.seq,
        "threads": side.threads, "rows": len(side.token_ids), **context,
    }  # fmt: skip
    return Record(subject=side.folder.resolve().name, quantities=quantities, context=conditions)


def _ratios(records: Mapping[str, Record], speeds: Mapping[str, Speed]) -> dict[str, Quantity]:
    """Candidate against source: speed as a factor, size and memory as a share; empty without a source."""
    if SOURCE not in records:
        return {}
    ratios = speed_ratio(speeds[CANDIDATE], speeds[SOURCE]) if speeds else {}
    candidate, source = records[CANDIDATE], records[SOURCE]
    share = candidate["size"].value / source["size"].value
    ratios["size"] = Quantity.exact(share, "1", note="share of the source")
    ours, theirs = candidate.get("memory"), source.get("memory")
    if ours is not None and theirs is not None:
        ratios["memory"] = Quantity.measured(
            ours.value / theirs.value, "1", note="share of the source",
            low=(ours.low or ours.value) / (theirs.high or theirs.value),
            high=(ours.high or ours.value) / (theirs.low or theirs.value),
        )  # fmt: skip
    return ratios
