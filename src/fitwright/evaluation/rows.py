"""Which rows of a file to evaluate on: all, or the test part of the split that the model was trained with."""

from __future__ import annotations

from fitwright.core.errors import DataError, UsageError
from fitwright.data.dataset import LabelledText
from fitwright.data.splitting import part_of
from fitwright.spec.manifest import Manifest

PARTS = ("all", "test")
FEW_ROWS = 200


def choose_rows(
    dataset: LabelledText, fingerprint: str, manifest: Manifest | None, part: str
) -> tuple[LabelledText, tuple[str, ...]]:
    """The rows to evaluate on, and what is to be said about them.

    The split follows from each text and the seed alone, so the test part of any file is free of the texts
    that were trained on, also where the file is not the one of the training.

    Args:
        dataset: all rows of the file.
        fingerprint: of ``dataset``.
        manifest: of the model; ``None`` where it has none.
        part: ``all`` or ``test``.

    Raises:
        UsageError: an unknown part, or a model without a recorded split.
        DataError: the test part has no row.
    """
    if part not in PARTS:
        raise UsageError("unknown part of the data", got=part, allowed=", ".join(PARTS))
    data = manifest.data if manifest is not None else {}
    warnings = []
    if part == "test":
        dataset = _test_rows(dataset, data.get("split"))
    elif data.get("fingerprint") == fingerprint:
        warnings.append(
            "the model was trained on most of these rows, so its quality reads too high: use --split test"
        )
    if len(dataset) < FEW_ROWS:
        warnings.append(f"{len(dataset)} rows are few: the intervals are wide")
    return dataset, tuple(warnings)


def _test_rows(dataset: LabelledText, split: dict[str, float] | None) -> LabelledText:
    if not split:
        raise UsageError(
            "the model's manifest records no split", mend="Evaluate on all rows of a file of held-out data."
        )
    fractions = {"validation": float(split["validation"]), "test": float(split["test"])}
    seed = int(split["seed"])
    chosen = dataset.subset(
        row for row, key in enumerate(dataset.keys()) if part_of(key, seed=seed, **fractions) == "test"
    )
    if not len(chosen):
        raise DataError("the test part of these data has no row", got=f"{len(dataset)} rows in all")
    return chosen
