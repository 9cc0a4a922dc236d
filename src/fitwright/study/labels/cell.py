"""One cell of a ladder of labelled data: trained by the ordinary stage, then judged on the held-out rows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from fitwright.core.errors import UsageError
from fitwright.core.files import sha256_json, write_json
from fitwright.core.progress import Progress
from fitwright.data.dataset import LabelledText
from fitwright.scaling.design.families import family_of
from fitwright.scaling.design.label_plan import Encoder, LabelCell, LabelPlan
from fitwright.scaling.design.plan import PLAN_NAME
from fitwright.study.folder import StudyFolder
from fitwright.study.labels.encoders import FAMILY
from fitwright.study.labels.judging import JUDGED_NAME, Judged, judge
from fitwright.study.labels.rows import first_rows, load_rows
from fitwright.study.starts import Part, write_start
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.interface import TaskData
from fitwright.training.tasks.text_classification import TextClassification

TRAIN, VALIDATION, HELD_OUT = "train", "validation", "heldout"
MOST_EVALUATIONS = 3
"""Times that a cell is evaluated to find when it was best: more would cost more than training on few rows."""
_CHECKPOINT_S = 60.0


def rows_path(folder: StudyFolder, part: str) -> Path:
    """Where a part's rows lie."""
    return folder.root / "rows" / f"{part}.jsonl"


def start(folder: StudyFolder, plan: LabelPlan, cell: LabelCell) -> Path:
    """What a cell starts from: a model directory, or configuration and tokenizer, written once."""
    encoder = plan.encoder(cell.encoder)
    return start_of(folder, encoder, plan.vocabulary, plan.max_length)


def start_of(folder: StudyFolder, encoder: Encoder, vocabulary: int, max_length: int) -> Path:
    """The same for an encoder, before there is a plan."""
    if encoder.shape is None:
        return Path(str(encoder.path))
    return write_start(folder, family_of(FAMILY), encoder.shape, vocabulary, max_length)


def evaluations(epochs: int) -> int:
    """How often a cell is evaluated, evenly: a divisor of its epochs."""
    return max(count for count in range(1, MOST_EVALUATIONS + 1) if epochs % count == 0)


def passes_of(epochs: int) -> int:
    """Passes over the rows up to an evaluation."""
    return epochs // evaluations(epochs)


def settings_of(plan: LabelPlan, cell: LabelCell) -> TrainSettings:
    """The loop's settings of a cell: no early stop, the best evaluation is kept.

    What the loop takes for an epoch is the passes up to an evaluation.
    """
    return TrainSettings(
        epochs=evaluations(cell.epochs), batch_size=cell.batch_rows, learning_rate=cell.learning_rate,
        weight_decay=cell.weight_decay, dropout=cell.dropout, max_length=plan.max_length, precision="fp32",
        patience=MOST_EVALUATIONS, seed=plan.seed + cell.draw, checkpoint_s=_CHECKPOINT_S,
    )  # fmt: skip


def train_cell(folder: StudyFolder, plan: LabelPlan, cell: LabelCell, progress: Progress) -> Path:
    """Train a cell to the end, or go on where it stopped, and judge it; its model directory."""
    source, task = start(folder, plan, cell), TextClassification()
    job = Job(
        task=task, data=_data(folder, plan, cell), source=source, source_name=cell.encoder,
        output=folder.cell(cell), provenance=dict(plan.provenance),
    )  # fmt: skip
    output = train_model(job, settings_of(plan, cell), progress)
    if not is_judged(folder, cell):
        held = load_rows(rows_path(folder, HELD_OUT), plan.data["classes"])
        judged = judge(output, job.data, held, plan.max_length)
        write_json(output / JUDGED_NAME, asdict(judged))
    return output


def is_judged(folder: StudyFolder, cell: LabelCell) -> bool:
    """Whether nothing is left to do for a cell.

    Raises:
        UsageError: the plan was changed after it was trained.
    """
    path = folder.cell(cell)
    if not (path / JUDGED_NAME).is_file():
        return False
    if (seen := Judged.read(path).rows) != cell.unique_rows * passes_of(cell.epochs):
        raise UsageError(
            f"rows or epochs of the cell {cell.name} were changed after it was trained", got=f"{seen:,} rows",
            mend=f"Undo the change in {PLAN_NAME}, or delete {path} to train it anew.",
        )  # fmt: skip
    return True


def _data(folder: StudyFolder, plan: LabelPlan, cell: LabelCell) -> TaskData:
    names = plan.data["classes"]
    path = rows_path(folder, TRAIN)
    rows = first_rows(load_rows(path, names), cell.unique_rows, draw=cell.draw, seed=plan.seed)
    validation = load_rows(rows_path(folder, VALIDATION), names)
    passes = passes_of(cell.epochs)
    source = Part(path=path, fingerprint=_fingerprint(rows, validation, passes), rows=len(rows))
    return TaskData(
        train=rows.subset(list(range(len(rows))) * passes), validation=validation, test=(), source=source,
        columns=plan.data["columns"], labels=rows.names,
    )  # fmt: skip


def _fingerprint(train: LabelledText, validation: LabelledText, passes: int) -> str:
    return sha256_json([train.fingerprint, validation.fingerprint, passes])
