"""The command that trains the chosen encoder on all labels, as the best cell was trained."""

from __future__ import annotations

import shlex
from pathlib import Path

from fitwright.scaling.design.label_plan import LabelPlan
from fitwright.study.labels.curves import Curve


def commands(root: Path, plan: LabelPlan, curve: Curve) -> tuple[str, ...]:
    """``train`` with the settings of the encoder's run on all rows, then ``fit`` for one with weights."""
    run, encoder = curve.at_hand, plan.encoder(curve.encoder)
    cell = next(cell for cell in plan.cells if cell.name == run.cell)
    columns = plan.data["columns"]
    start = encoder.path
    if start is None and encoder.shape is not None:
        start = str(root / "starts" / encoder.shape.name.replace("/", "-"))
    shared = [
        str(plan.data["path"]), "--model", str(start), "--text", columns["text"], "--label", columns["label"],
        "--epochs", str(cell.epochs), "--batch-size", str(cell.batch_rows), "--learning-rate",
        f"{cell.learning_rate:g}", "--max-length", str(plan.max_length),
    ]  # fmt: skip
    own = ["--weight-decay", f"{cell.weight_decay:g}"]
    if cell.dropout is not None:
        own += ["--dropout", f"{cell.dropout:g}"]
    train = shlex.join(["fitwright", "train", *shared, *own, "--output", "model"])
    if not encoder.is_pretrained:
        return (train,)
    return train, shlex.join(["fitwright", "fit", *shared, "--output", "runs/fit"])
