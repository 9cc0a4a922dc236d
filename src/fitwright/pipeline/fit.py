"""The whole loop: profile → consider → train → baseline → shrink → measure → bundle → report."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fitwright.catalog.local import read_model_directory
from fitwright.compression.candidates import Candidate
from fitwright.compression.prediction import Lengths, predict
from fitwright.compression.search import Found, Source, search, values
from fitwright.core.errors import UsageError
from fitwright.core.files import folder_lock, write_text
from fitwright.core.progress import Progress
from fitwright.data.dataset import DataSource, LabelledText, load_labelled
from fitwright.data.profile import DataProfile, profile
from fitwright.data.splitting import Splits, split
from fitwright.data.tokens import TextTokenizer
from fitwright.evaluation.evaluate import Evaluation, evaluate
from fitwright.evaluation.quality import compare_quality
from fitwright.modeling.sources import resolve_source
from fitwright.pipeline.bundle import LOCK_NAME, assemble
from fitwright.pipeline.result import FitResult, conclude
from fitwright.pipeline.settings import FitSettings
from fitwright.pipeline.story import tell, worst_errors
from fitwright.pipeline.teachers import check_names, consider
from fitwright.pipeline.workspace import Workspace
from fitwright.reporting import html, markdown
from fitwright.sizing.devices import detect
from fitwright.spec.budget import Budget
from fitwright.spec.manifest import Manifest
from fitwright.spec.record import Record
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.tasks.text_classification import TextClassification, task_data
from fitwright.training.threads import keep_torch_threads

_BUILT = ("engine", "model")
_CHARACTERS_PER_TOKEN = 4.0
"""English, WordPiece-sized vocabularies; Chinese has about one. Only used before a tokenizer is chosen."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The data of a fit."""

    dataset: LabelledText
    source: DataSource
    splits: Splits
    profile: DataProfile


def fit(
    data: Path,
    output: Path,
    settings: FitSettings,
    *,
    provenance: dict[str, Any],
    progress: Progress,
    overwrite: bool = False,
) -> FitResult:
    """Find, train, shrink, measure and bundle the smallest classifier of ``data`` that meets the budget.

    Args:
        data: CSV, TSV, JSON lines or Parquet with a text and a label column.
        output: the workspace; a second run continues in the stage that the first one was in.
        settings: task, budget, sources and the stages' own settings.
        provenance: versions, hardware, command (``core.provenance``), as JSON.
        overwrite: give up what another fit left in ``output``.

    Returns:
        The result, whether the budget was met or not.

    Raises:
        DataError, UsageError: input that cannot be used. RunError: the machine said no.
    """
    rows = _load(data, settings)
    check_names(settings)
    space = Workspace(output, progress)
    identity = {"settings": settings.as_json(), "data": rows.source.fingerprint}
    space.check(identity, overwrite=overwrite)  # before the lock, which writes a file
    with folder_lock(output):
        facts = {"seed": settings.train.seed, "data": {"fingerprint": rows.source.fingerprint}}
        provenance = {**provenance, **facts}
        space.claim(identity, overwrite=overwrite)
        return _Fit(space, rows, settings, provenance, progress).run()


def _load(data: Path, settings: FitSettings) -> Rows:
    dataset, source = load_labelled(data, text=settings.text, label=settings.label)
    train = settings.train
    splits = split(dataset, validation=train.validation, test=train.test, seed=train.seed)
    return Rows(
        dataset=dataset, source=source, splits=splits, profile=profile(dataset, splits, source=source)
    )


class _Fit:
    """One run through the stages; each stage's result is JSON that the workspace keeps."""

    def __init__(
        self,
        space: Workspace,
        rows: Rows,
        settings: FitSettings,
        provenance: dict[str, Any],
        progress: Progress,
    ) -> None:
        self.space, self.rows, self.settings = space, rows, settings
        self.provenance, self.progress = provenance, progress
        self.device = detect(settings.threads)

    def run(self) -> FitResult:
        """All stages in order."""
        stage, done, folder = self.space.stage, dict[str, dict[str, Any]](), self.space.folder
        done["profile"] = stage("profile", self._profile)
        done["consider"] = stage("consider", self._consider)
        done["train"] = stage(
            "train", lambda: self._train(done), lambda made: [folder / made["best"]["folder"]]
        )
        done["baseline"] = stage("baseline", lambda: self._baseline(done))
        done["shrink"] = stage(
            "shrink", lambda: self._shrink(done), lambda made: [folder / made["nearest"][k] for k in _BUILT]
        )
        done["measure"] = stage("measure", lambda: self._measure(done))
        done["bundle"] = stage("bundle", lambda: self._bundle(done), lambda made: [folder / made["folder"]])
        result = conclude(folder, done)
        stage("report", lambda: self._report(done, result), lambda made: [folder / f for f in made.values()])
        return result

    def _profile(self) -> dict[str, Any]:
        found = self.rows.profile
        for line in found.lines():
            self.progress.say(line)
        return {"lines": found.lines(), "warnings": list(found.warnings), "facts": found.as_json()}

    def _consider(self) -> dict[str, Any]:
        found = self.rows.profile
        per_token = 1.0 if found.cjk_share > 0.5 else _CHARACTERS_PER_TOKEN
        seq = min(self.settings.train.max_length, int(found.characters.mean / per_token) + 2)
        considered = consider(self.settings, self.device, found.language, seq)
        rows = []
        for number, row in enumerate(considered):
            reason = row.reason
            if row.kept:
                first = number < self.settings.teachers
                reason = "fine-tuned" if first else "kept back: more parameters first; raise --teachers"
                reason = f"{row.reason}; {reason}" if row.reason else reason
            self.progress.say(f"{row.name}: {reason}")
            rows.append({
                "name": row.name, "parameters": row.spec.parameters, "kept": row.kept, "reason": reason,
                "estimate": row.estimate.as_json() if row.estimate else None,
            })  # fmt: skip
        return {"models": rows}

    def _train(self, stages: dict[str, Any]) -> dict[str, Any]:
        kept = [row["name"] for row in stages["consider"]["models"] if row["kept"]]
        trained = []
        for number, name in enumerate(kept[: self.settings.teachers]):
            folder = self.space.folder / ("teacher" if number == 0 else f"teacher-{number + 1}")
            train_model(self._job(resolve_source(name), name, folder), self.settings.train, self.progress)
            history = read_history(folder)
            accuracy = history.best.score
            self.progress.say(f"{name}: validation accuracy {accuracy:.1%}")
            trained.append({"name": name, "folder": folder.name, "validation_accuracy": accuracy})
        best = max(trained, key=lambda row: row["validation_accuracy"])
        return {"trained": trained, "best": best}

    def _baseline(self, stages: dict[str, Any]) -> dict[str, Any]:
        settings, teacher, lengths = (
            self.settings.search().evaluation,
            self._teacher(stages),
            self._lengths(stages),
        )
        spec = read_model_directory(teacher)
        whole = Candidate(
            layers=spec.layers or 1, of_layers=spec.layers or 1, precision="fp32", engine="torch"
        )
        predicted = predict(whole, spec, self.device, lengths, batch=settings.batch)
        with keep_torch_threads():
            found = evaluate(
                teacher, self.rows.splits.validation, engine="torch", settings=settings,
                context={"split": "validation"}, keep_as="fit", progress=self.progress,
            )  # fmt: skip
        return {
            "record": found.candidate.as_json(), "predicted": predicted.as_json(), "lengths": asdict(lengths),
        }  # fmt: skip

    def _shrink(self, stages: dict[str, Any]) -> dict[str, Any]:
        teacher = self._teacher(stages)
        name = stages["train"]["best"]["name"]
        source = Source(
            job=self._job(teacher, f"{name}, fine-tuned", self.space.folder / "unused"),
            spec=read_model_directory(teacher), device=self.device,
            baseline=Record.from_json(stages["baseline"]["record"]),
            lengths=Lengths(**stages["baseline"]["lengths"]), keep_as="fit",
        )  # fmt: skip
        found = search(source, self.settings.search(), self.space.folder / "candidates", self.progress)
        return _search_json(found, self.space.folder)

    def _measure(self, stages: dict[str, Any]) -> dict[str, Any]:
        nearest = stages["shrink"]["nearest"]
        found = evaluate(
            self.space.folder / nearest["engine"], self.rows.splits.test, engine="onnxruntime",
            against=self._teacher(stages), settings=self.settings.final(), context={"split": "test"},
            keep_as="fit", progress=self.progress,
        )  # fmt: skip
        lines = Budget.parse(self.settings.budget).check(values(found.candidate), values(_source_of(found)))
        return {
            "evaluation": found.as_json(), "budget": [line.as_json() for line in lines],
            "candidates": self._others(stages, found),
            "excess": [line.excess if line.excess != float("inf") else None for line in lines],
            "worst_errors": worst_errors(self.rows.splits.test, found),
        }  # fmt: skip

    def _others(self, stages: dict[str, Any], found: Evaluation) -> dict[str, Any]:
        """Every built shape's quality on the test part, by name, so that one plot can show them all."""
        nearest, quiet = (
            stages["shrink"]["nearest"],
            replace(self.settings.final(), speed=False, memory=False),
        )
        records = {nearest["name"]: found.candidate.as_json()}
        for row in stages["shrink"]["tried"]:
            if row["name"] in records or not row["measured"]:
                continue
            folder = self.space.folder / "candidates" / row["slug"] / "engine"
            other = evaluate(folder, self.rows.splits.test, engine="onnxruntime", settings=quiet)
            assert found.source_quality is not None  # noqa: S101  # the final measurement has a source
            seen = Record.from_json(row["measured"]).with_quantities(
                accuracy=other.quality.accuracy, f1=other.quality.f1,
                drop=compare_quality(found.source_quality, other.quality, seed=quiet.seed),
            )  # fmt: skip
            context = {
                **seen.context, "split": "test", "speed_split": "validation",
                "rows": len(self.rows.splits.test),
            }  # fmt: skip
            records[row["name"]] = replace(seen, context=context).as_json()
        return records

    def _bundle(self, stages: dict[str, Any]) -> dict[str, Any]:
        folder, nearest = self.space.folder, stages["shrink"]["nearest"]
        found = stages["measure"]["evaluation"]
        records = (Record.from_json(_plain(found["source"])), Record.from_json(_plain(found["candidate"])))
        parent = Manifest.read(folder / nearest["model"])
        assemble(
            folder / nearest["model"], folder / nearest["engine"], folder / "bundle", parent=parent,
            records=records, settings=self.settings.as_json(), provenance=self.provenance,
        )  # fmt: skip
        return {"folder": "bundle"}

    def _report(self, stages: dict[str, Any], result: FitResult) -> dict[str, Any]:
        report = tell(
            self.space, stages, result, data_name=self.rows.source.path.name, provenance=self.provenance
        )
        for folder in (self.space.folder, self.space.folder / "bundle"):
            report.write(folder)
            write_text(folder / "report.html", html.render(report))
            write_text(folder / "report.md", markdown.render(report))
        lock = (self.space.folder / "bundle" / LOCK_NAME).read_text(encoding="utf-8")
        write_text(self.space.folder / LOCK_NAME, lock)
        return {"html": "report.html", "markdown": "report.md"}

    def _job(self, source: Path, name: str, output: Path) -> Job:
        return Job(
            task=TextClassification(), data=task_data(self.rows.source, self.rows.splits), source=source,
            source_name=name, output=output, provenance=self.provenance, overwrite=True,
        )  # fmt: skip

    def _teacher(self, stages: dict[str, Any]) -> Path:
        return self.space.folder / str(stages["train"]["best"]["folder"])

    def _lengths(self, stages: dict[str, Any]) -> Lengths:
        teacher = self._teacher(stages)
        tokenizer = TextTokenizer.load(teacher, Manifest.read(teacher).max_length or 512)
        rows = tokenizer.encode(list(self.rows.splits.validation.texts))
        found = Lengths.of([len(row) for row in rows])
        seq = self.settings.seq
        return found if seq is None else replace(found, median=seq, p95=seq)


def _source_of(found: Evaluation) -> Record:
    if found.source is None:
        raise UsageError("the evaluation has no source to compare with")
    return found.source


def _plain(side: dict[str, Any]) -> dict[str, Any]:
    return {key: side[key] for key in ("subject", "quantities", "context")}


def _search_json(found: Found, folder: Path) -> dict[str, Any]:
    nearest = found.nearest
    assert nearest.directory is not None and nearest.model is not None  # noqa: S101, PT018  # it was measured
    return {
        "tried": [row.as_json() for row in found.tried],
        "met": found.chosen is not None,
        "nearest": {
            "name": nearest.candidate.name, "slug": nearest.candidate.slug,
            "engine": str(nearest.directory.relative_to(folder)),
            "model": str(nearest.model.relative_to(folder)),
        },
    }  # fmt: skip
