"""``study_design`` and ``study_run``: a corpus or labelled data, and a budget → a ladder of runs, trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.scaling.design.plan import StudyPlan
    from fitwright.study.designing import DesignSettings
    from fitwright.study.kinds import FinishedRun
    from fitwright.study.labels.settings import LabelSettings


def study_design(
    corpus: str | Path, *, output: str | Path, settings: DesignSettings | LabelSettings | None = None,
    minutes: float | None = None, text: str | None = None, label: str | None = None,
    overwrite: bool = False, progress: Progress | None = None, command: str | None = None,
) -> StudyPlan:  # fmt: skip
    """Plan a ladder of runs for a corpus or labelled data and a budget, and say what it will cost.

    Of a corpus: sizes × unique data × epochs. Of labelled data: encoders × labelled rows × epochs.

    Args:
        corpus: a text file, a folder of text files, or a table with a text column; labelled data: a table
            with a text and a label column.
        output: the study folder to make: plan, tokenizer, tokens or rows.
        settings: family, shapes, budget and the rest; ``LabelSettings`` for labelled data; or only
        minutes: the budget on this machine.
        text, label: columns of a table; looked for when not given. A ``label`` says that the data is
            labelled.
        overwrite: replace another study in ``output``, its runs too.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made it.

    Returns:
        The plan: cells with their model, data, epochs, learning rate, predicted FLOPs, seconds and memory.

    Raises:
        DataError: the data cannot be used. UsageError: a setting is wrong, the budget is too small.
    """
    from fitwright.core.errors import UsageError
    from fitwright.core.optional import require

    require("torch")
    from fitwright.api.train import provenance_json
    from fitwright.study.designing import DesignSettings, design_study
    from fitwright.study.labels.designing import design_labels
    from fitwright.study.labels.settings import LabelSettings

    if settings is None:
        settings = DesignSettings(minutes=minutes) if label is None else LabelSettings(minutes=minutes)
    given: dict[str, Any] = {
        "text": text, "overwrite": overwrite,
        "provenance": provenance_json(command or f"fitwright.study_design({str(corpus)!r})"),
    }  # fmt: skip
    progress = progress or Silent()
    if isinstance(settings, LabelSettings):
        return design_labels(Path(corpus), Path(output), settings, progress, label=label, **given)
    if label is not None:
        raise UsageError("a corpus has no labels", got=f"label={label!r}", mend="Give LabelSettings.")
    return design_study(Path(corpus), Path(output), settings, progress, **given)


def study_run(
    study: str | Path, *, workers: int | None = None, threads: int | None = None, engine: str = "local",
    address: str | None = None, progress: Progress | None = None,
) -> tuple[FinishedRun, ...]:  # fmt: skip
    """Train every cell of a study that is not trained yet; killed, the same call goes on.

    Args:
        study: the folder that :func:`study_design` made.
        workers: cells side by side, a process each; what the design measured as faster unless told.
        threads: of each; all cores over the workers unless told.
        engine: ``local`` (processes of this machine) or ``ray`` (tasks of a cluster that sees the folder; a
            thread each, as many as it has room for).
        address: of the Ray cluster; one of this machine's own by default.
        progress: where progress is reported; nowhere by default.

    Returns:
        All finished cells with their curves; ``runs.csv`` in the study folder has a row for each.

    Raises:
        UsageError: no study. RunError: a cell failed; what was trained is kept.
    """
    from fitwright.core.errors import UsageError
    from fitwright.core.ray_cluster import Cluster
    from fitwright.study.running import run_study

    for name, value in (("workers", workers), ("threads", threads)):
        if value is not None and value < 1:
            raise UsageError(f"{name} must be at least 1", got=value)
    if engine not in ("local", "ray"):
        raise UsageError("unknown engine", got=engine, allowed="local, ray")
    cluster = Cluster(address=address, workers=workers) if engine == "ray" else None
    return run_study(
        Path(study), progress or Silent(), workers=workers, threads=threads, cluster=cluster
    )  # fmt: skip
