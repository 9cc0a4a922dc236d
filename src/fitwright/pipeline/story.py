"""From the stages' results to the report's rows."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from fitwright.data.dataset import LabelledText
from fitwright.environment.installed import installed
from fitwright.evaluation.evaluate import Evaluation
from fitwright.pipeline.bundle import LOCK_NAME
from fitwright.pipeline.result import FitResult
from fitwright.pipeline.workspace import Workspace
from fitwright.reporting.document import (
    CandidateRow,
    Confusion,
    Curve,
    CurvePoint,
    DataSummary,
    ErrorRow,
    ModelRow,
    Prediction,
    Report,
    StageRow,
    Verdict,
)
from fitwright.spec.record import Record
from fitwright.training.directory import read_history

_WORST = 12


def tell(
    space: Workspace, stages: dict[str, Any], result: FitResult, *, data_name: str, provenance: dict[str, Any]
) -> Report:
    """The report of a finished fit."""
    evaluation = stages["measure"]["evaluation"]
    return Report(
        title=f"{data_name}: text classification",
        task="text-classification",
        verdict=Verdict(
            met=result.met, headline=result.headline, binding=result.binding, nearest=result.nearest
        ),
        made_at=str(provenance.get("made_at") or ""),
        budget=result.budget,
        source=result.source,
        result=result.result,
        candidates=_candidates(stages["shrink"], stages["measure"]["candidates"]),
        models=_models(stages["consider"]),
        predictions=_predictions(stages),
        curves=_curves(space.folder, stages),
        confusions=tuple(
            Confusion(
                subject=subject, labels=tuple(side["quality"]["confusion"]["labels"]),
                counts=tuple(tuple(row) for row in side["quality"]["confusion"]["counts"]),
            )
            for subject, side in (("source", evaluation["source"]), ("result", evaluation["candidate"]))
        ),
        worst_errors=tuple(ErrorRow(**row) for row in stages["measure"]["worst_errors"]),
        data=DataSummary(
            lines=tuple(stages["profile"]["lines"]), warnings=tuple(stages["profile"]["warnings"]),
            facts=stages["profile"]["facts"],
        ),
        stages=tuple(StageRow(name=t.name, seconds=t.seconds, resumed=t.resumed) for t in space.times),
        provenance=provenance,
        commands=_commands(provenance),
        lock_file=LOCK_NAME,
        notes=result.warnings,
    )  # fmt: skip


def worst_errors(test: LabelledText, found: Evaluation) -> list[dict[str, Any]]:
    """The rows that the result got wrong with most confidence, and what the source answered there."""
    ours, theirs = found.quality, found.source_quality
    wrong = [i for i in range(len(ours.truth)) if ours.predictions[i] != ours.truth[i]]
    wrong.sort(key=lambda i: -float(ours.probabilities[i].max()))
    return [
        {
            "text": test.texts[i], "truth": ours.names[int(ours.truth[i])],
            "answer": ours.names[int(ours.predictions[i])],
            "confidence": float(ours.probabilities[i].max()),
            "source_answer": None if theirs is None else theirs.names[int(theirs.predictions[i])],
        }
        for i in wrong[:_WORST]
    ]  # fmt: skip


def _candidates(shrink: dict[str, Any], measured: dict[str, Any]) -> tuple[CandidateRow, ...]:
    rows = []
    for row in shrink["tried"]:
        status = {"met": "met", "missed": "missed", "skipped": "rejected"}[row["status"]]
        if row["name"] == shrink["nearest"]["name"] and row["status"] == "met":
            status = "chosen"
        steps = "export, int8" if row["precision"] == "int8" else "export"
        if not row["name"].startswith("all"):
            steps = f"distil to {row['layers']} layers, {steps}"
        rows.append(CandidateRow(
            name=row["name"], steps=steps, status=status, reason=row["reason"],  # type: ignore[arg-type]
            predicted=Record.from_json(row["predicted"]),
            measured=Record.from_json(measured[row["name"]]) if row["name"] in measured else None,
        ))  # fmt: skip
    return tuple(rows)


def _models(consider: dict[str, Any]) -> tuple[ModelRow, ...]:
    rows = []
    for row in consider["models"]:
        estimate = Record.from_json(row["estimate"]) if row["estimate"] else None
        rows.append(ModelRow(
            id=row["name"], kept=row["kept"], parameters=row["parameters"], reason=row["reason"],
            latency=estimate.get("latency") if estimate else None,
            memory=estimate.get("memory") if estimate else None,
        ))  # fmt: skip
    return tuple(rows)


def _predictions(stages: dict[str, Any]) -> tuple[Prediction, ...]:
    """Every prediction that was made before its measurement, the source's own included."""
    pairs = [
        (row["name"], Record.from_json(row["predicted"]), Record.from_json(row["measured"]))
        for row in stages["shrink"]["tried"] if row["measured"]
    ]  # fmt: skip
    baseline = stages["baseline"]
    source = Record.from_json(baseline["predicted"])
    pairs.insert(0, ("source, torch fp32", source, Record.from_json(baseline["record"])))
    return tuple(
        Prediction(name=name, subject=subject, predicted=quantity, measured=seen)
        for subject, predicted, measured in pairs
        for name, quantity in predicted.quantities.items()
        if quantity.origin == "estimated" and (seen := measured.get(name)) is not None
    )


def _curves(folder: Path, stages: dict[str, Any]) -> tuple[Curve, ...]:
    found = []
    for row in stages["train"]["trained"]:
        found.append((f"{row['name']}, fine-tuned", "train", folder / row["folder"]))
    for row in stages["shrink"]["tried"]:
        model = folder / "candidates" / row["slug"] / "model"
        if row["measured"] and model.is_dir():
            found.append((f"{row['layers']} layers, distilled", "compress", model))
    return tuple(
        Curve(
            name=name, stage=stage,
            points=tuple(
                CurvePoint(
                    step=p.step, train_loss=p.train_loss, val_loss=p.validation_loss,
                    val_accuracy=p.score,
                )
                for p in read_history(model).points
            ),
        )
        for name, stage, model in found
    )  # fmt: skip


def _commands(provenance: dict[str, Any]) -> tuple[str, ...]:
    """The shell lines that rebuild the result; a fitwright that came from a folder names its commit."""
    versions = provenance.get("versions", {})
    torch = versions.get("torch", "").partition("+")[0]
    lines = [f"pip install torch=={torch}"] if torch else []
    lines.append(f"pip install --no-deps -r {shlex.quote(LOCK_NAME)}")
    ours = installed().get("fitwright")
    if ours is not None and ours.source != "index":
        commit = f", commit {ours.commit}" if ours.commit else ""
        lines.append(f"pip install --no-deps .  # in a checkout of fitwright {ours.version}{commit}")
    return (*lines, str(provenance.get("command", "")))
