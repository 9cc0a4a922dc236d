"""Try shapes from the gentlest to the smallest and stop at the first that meets the budget.

Each one that is built is measured on the validation part beside its source, in the same run. A shape that is
predicted to miss is not built. The test part is not touched here: it is for the final measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fitwright.compression.candidates import Candidate, Tried, plan
from fitwright.compression.distil import DistilSettings, distil
from fitwright.compression.prediction import Lengths, favourable, learn, predict
from fitwright.compression.quantize import quantize_int8
from fitwright.core.files import read_json, write_json
from fitwright.core.progress import Progress
from fitwright.evaluation.evaluate import EvaluationSettings, evaluate
from fitwright.exporting.bundle import export_model
from fitwright.sizing.corrections import Correction
from fitwright.sizing.ledger.entry import Source as LedgerSource
from fitwright.spec.budget import Budget, BudgetLine, binding
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.record import Record
from fitwright.training.directory import weights_sha256
from fitwright.training.job import Job
from fitwright.training.settings import TrainSettings
from fitwright.training.threads import keep_torch_threads

_MEASURED = "measured.json"


def _distil_defaults() -> TrainSettings:
    return DistilSettings(layers=1).train


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Settings of the search.

    Attributes:
        budget: what must hold; its ``max-drop`` is the quality gate.
        train: of every distillation.
        temperature, hidden_weight: of every distillation, see :class:`DistilSettings`.
        evaluation: how each candidate is measured.
    """

    budget: Budget
    train: TrainSettings = field(default_factory=_distil_defaults)
    temperature: float = 2.0
    hidden_weight: float = 0.5
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)

    def distil(self, layers: int) -> DistilSettings:
        """The settings of one distillation."""
        return DistilSettings(
            layers=layers, temperature=self.temperature, hidden_weight=self.hidden_weight, train=self.train
        )


@dataclass(frozen=True, kw_only=True)
class Found:
    """How the search ended.

    Attributes:
        tried: every shape, in order, with what became of it.
        chosen: the first that met the budget; ``None`` where none did.
        nearest: the measured one that misses by least (the chosen one where there is one).
        binding: the constraint that the nearest one misses by most.
    """

    tried: tuple[Tried, ...]
    chosen: Tried | None
    nearest: Tried
    binding: BudgetLine | None


@dataclass(frozen=True, kw_only=True)
class Source:
    """The model to shrink, what is known of it, and where it is to run.

    Attributes:
        baseline: its own measured record (torch fp32, validation part), which relative limits refer to.
        lengths: tokens a row of the validation part.
        keep_as: the command in whose name measurements go into the ledger.
    """

    job: Job
    spec: ModelSpec
    device: Device
    baseline: Record
    lengths: Lengths
    keep_as: LedgerSource = "compress"


def search(source: Source, settings: SearchSettings, work: Path, progress: Progress) -> Found:
    """Shrink ``source.job.source`` until the budget holds.

    Args:
        source: its job names the teacher's model directory and the split rows.
        settings: budget and how to teach and measure.
        work: folder for what is built, kept between runs: finished candidates are not built again.

    Raises:
        UsageError: an architecture whose layers cannot be dropped or that cannot be exported.
    """
    layers = source.spec.layers or 1
    tried: list[Tried] = []
    corrections: dict[str, Correction] = {}
    reference = source.baseline
    batch = settings.evaluation.batch
    for candidate in plan(layers):
        facts = (candidate, source.spec, source.device, source.lengths)
        learned = corrections if candidate.precision == "int8" else {}
        raw, predicted = predict(*facts, batch=batch), predict(*facts, learned, batch=batch)
        hopeless = _surely_missed(candidate, predicted, settings.budget, reference)
        if hopeless is not None:
            tried.append(hopeless)
            progress.say(f"{candidate.name}: skipped, {hopeless.reason}")
            continue
        outcome = _build_and_measure(source, candidate, predicted, settings, work, progress)
        tried.append(outcome)
        progress.say(f"{candidate.name}: {outcome.reason}")
        if outcome.status == "met":
            break
        if candidate.precision == "int8" and outcome.measured is not None:
            corrections = learn(raw, outcome.measured)
            reference = outcome.source or reference  # of the same run, so that a slow spell cancels out
        if candidate.distilled and not _line(outcome.lines, "max-drop").met:
            break  # fewer layers would only drop further
    return _conclude(tried)


def values(record: Record) -> dict[str, float | None]:
    """A measured record as the budget wants it: SI by constraint name, the drop under ``max-drop``."""
    found: dict[str, float | None] = {name: q.value for name, q in record.quantities.items()}
    found["max-drop"] = found.get("drop")
    return found


def _conclude(tried: list[Tried]) -> Found:
    chosen = next((t for t in tried if t.status == "met"), None)
    nearest = chosen or min((t for t in tried if t.measured is not None), key=lambda t: t.excess)
    return Found(tried=tuple(tried), chosen=chosen, nearest=nearest, binding=binding(nearest.lines))


def _surely_missed(candidate: Candidate, predicted: Record, budget: Budget, baseline: Record) -> Tried | None:
    """The candidate as skipped, where even the favourable end of a prediction misses.

    All layers at int8 is always built: it costs no training and teaches the predictions.
    """
    if not candidate.distilled and candidate.precision == "int8":
        return None
    best: Mapping[str, float | None] = favourable(predicted)
    known = replace(budget, constraints=tuple(c for c in budget.constraints if best.get(c.name) is not None))
    lines = known.check(best, values(baseline))
    worst = binding(lines)
    if worst is None:
        return None
    return Tried(
        candidate=candidate, status="skipped", predicted=predicted, lines=lines,
        reason=f"predicted to miss {worst.constraint} by {worst.excess:.0%} or more",
    )  # fmt: skip


def _build_and_measure(
    source: Source,
    candidate: Candidate,
    predicted: Record,
    settings: SearchSettings,
    work: Path,
    progress: Progress,
) -> Tried:
    folder = work / candidate.slug
    model, engine = source.job.source, folder / "engine"
    if candidate.distilled:
        job = replace(source.job, output=folder / "model", overwrite=True)
        model = distil(job, settings.distil(candidate.layers), progress)
    stored, weights = folder / _MEASURED, weights_sha256(model)
    if not (engine.is_dir() and _is_of(stored, weights)):
        stored.unlink(missing_ok=True)  # it never speaks of another engine, even where this run is killed
        export_model(
            model, engine, precision=candidate.precision, quantize=quantize_int8, overwrite=True,  # type: ignore[arg-type]
            command=str(source.job.provenance.get("command", "fitwright compress")), progress=progress,
        )  # fmt: skip
        write_json(stored, {"weights": weights, **_measure(source, engine, settings, progress)})
    both: dict[str, Any] = read_json(stored, what="stored measurement")
    measured, reference = Record.from_json(both["measured"]), Record.from_json(both["source"])
    measured = replace(measured, subject=candidate.name)
    lines = settings.budget.check(values(measured), values(reference))
    worst = binding(lines)
    return Tried(
        candidate=candidate, status="met" if worst is None else "missed", predicted=predicted,
        measured=measured, source=reference, lines=lines, directory=engine, model=model,
        reason="meets the budget" if worst is None else f"misses {worst.constraint} by {worst.excess:.0%}",
    )  # fmt: skip


def _is_of(stored: Path, weights: str) -> bool:
    """Whether a measurement is there and was made of these weights: a teacher may have been trained again."""
    if not stored.is_file():
        return False
    found = read_json(stored, what="stored measurement")
    return isinstance(found, dict) and found.get("weights") == weights


def _measure(source: Source, engine: Path, settings: SearchSettings, progress: Progress) -> dict[str, Any]:
    with keep_torch_threads():
        found = evaluate(
            engine, source.job.data.validation, engine="onnxruntime", against=source.job.source,
            settings=settings.evaluation, context={"split": "validation"}, keep_as=source.keep_as,
            progress=progress,
        )  # fmt: skip
    assert found.source is not None  # noqa: S101  # given by against
    return {"measured": found.candidate.as_json(), "source": found.source.as_json()}


def _line(lines: tuple[BudgetLine, ...], name: str) -> BudgetLine:
    return next(line for line in lines if line.name == name)
