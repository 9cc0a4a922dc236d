"""``study_design`` and ``study_run``: a corpus and a budget → a ladder of runs, trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.scaling.design.plan import Plan
    from fitwright.study.designing import DesignSettings
    from fitwright.study.table import CellRun


def study_design(
    corpus: str | Path, *, output: str | Path, settings: DesignSettings | None = None,
    minutes: float | None = None, text: str | None = None, overwrite: bool = False,
    progress: Progress | None = None, command: str | None = None,
) -> Plan:  # fmt: skip
    """Plan a ladder of sizes × unique data × epochs for a corpus and a budget, and say what it will cost.

    Args:
        corpus: a text file, a folder of text files, or a table with a text column.
        output: the study folder to make: plan, tokenizer, tokens.
        settings: family, shapes, budget and the rest; or only
        minutes: the budget on this machine.
        text: column of a table; looked for when not given.
        overwrite: replace another study in ``output``, its runs too.
        progress: where progress is reported; nowhere by default.
        command: recorded as what made it.

    Returns:
        The plan: cells with their shape, data, epochs, learning rate, predicted FLOPs, seconds and memory.

    Raises:
        DataError: the corpus cannot be used. UsageError: a setting is wrong, the budget is too small.
    """
    from fitwright.core.optional import require

    require("torch")
    from fitwright.api.train import provenance_json
    from fitwright.study.designing import DesignSettings, design_study

    return design_study(
        Path(corpus), Path(output), settings or DesignSettings(minutes=minutes), progress or Silent(),
        text=text, overwrite=overwrite,
        provenance=provenance_json(command or f"fitwright.study_design({str(corpus)!r})"),
    )  # fmt: skip


def study_run(
    study: str | Path, *, workers: int | None = None, threads: int | None = None, engine: str = "local",
    address: str | None = None, progress: Progress | None = None,
) -> tuple[CellRun, ...]:  # fmt: skip
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
