"""``study_fit``, ``study_predict``, ``study_best`` and ``study_report``: how big a model can this data
feed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress, Silent

if TYPE_CHECKING:
    from fitwright.scaling.fitted import FittedStudy
    from fitwright.scaling.frontier import Best
    from fitwright.scaling.prediction import Prediction
    from fitwright.study.labels.curves import LearningCurves

SIZE_KINDS = ("total", "non-embedding")


@dataclass(frozen=True, kw_only=True)
class WrittenStudyReport:
    """Where the report of a study was written; a format that was not asked for is ``None``."""

    html: Path | None
    markdown: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.html, self.markdown) if path is not None)


def study_fit(
    runs: str | Path, *, n_column: str | None = None, d_column: str | None = None,
    flops_column: str | None = None, loss_column: str | None = None, unique_column: str | None = None,
    accuracy_column: str | None = None, n_counts: str | None = None, law: str = "auto",
    fixed: Mapping[str, float] | None = None, bootstraps: int = 1000, seed: int = 0,
    output: str | Path | None = None, command: str = "", progress: Progress | None = None,
) -> FittedStudy | LearningCurves:  # fmt: skip
    """Fit a scaling law to a table of training runs, anybody's; of labelled data one for each encoder.

    Args:
        runs: CSV, TSV, JSON lines or Parquet, a row for each run; or a study folder that ``study_run``
            trained, whose largest run is left out, to test the law. Of a study of labelled data each encoder
            gets the law of data alone; ``loss_column`` is ``error`` (default) or ``loss`` then.
        n_column, d_column, loss_column, unique_column: columns of parameters, tokens seen, held-out loss in
            nats for each token, and different tokens; looked for under their usual names when not given.
        flops_column: training FLOPs in place of tokens: D = C/6N.
        accuracy_column: accuracy on a task, 0 to 1; then predictions tell one too.
        n_counts: what N counts; read from the column's name, else unstated.
        law: a form, or ``auto``: the published one, unless another is far less wrong about the largest runs.
        fixed: numbers of that form which are held, for example ``{"alpha": 0.35}``.
        bootstraps: resamples behind the 95 % intervals of the numbers.
        seed: of resamples and folds.
        output: a file to write the result to, as JSON; of a study folder ``fit.json`` in it by default.
        command: what to note as the command that made it.
        progress: where progress is reported; nowhere by default.

    Returns:
        The law, its numbers with intervals, its error on runs left out, the forms that were tried, warnings;
        of labelled data the learning curves, with such a law for each encoder.

    Raises:
        DataError: the table or a value in it cannot be used, or the runs cannot carry a law.
        UsageError: an unknown law, or one that does not apply. RunError: ``output`` cannot be written.
    """
    if n_counts is not None and n_counts not in SIZE_KINDS:
        raise UsageError("unknown way to count parameters", got=n_counts, allowed=", ".join(SIZE_KINDS))
    from fitwright.core.optional import require

    require("numpy")
    import dataclasses

    from fitwright.core.files import sha256_file, write_json
    from fitwright.core.provenance import capture
    from fitwright.scaling.columns import detect
    from fitwright.scaling.fit import FitSettings, fit_runs
    from fitwright.scaling.runs import runs_of
    from fitwright.study.labels.fitting import fit_folder, is_labelled

    settings = FitSettings(law=law, bootstraps=bootstraps, seed=seed, fixed=fixed or {})
    given = {
        "n": n_column,
        "d": d_column,
        "flops": flops_column,
        "loss": loss_column,
        "unique": unique_column,
        "accuracy": accuracy_column,
    }
    if is_labelled(Path(runs)):
        curves = fit_folder(
            Path(runs), law=law, columns=given, fixed=fixed or {}, bootstraps=bootstraps, seed=seed,
            provenance=capture(command).as_json(), progress=progress or Silent(),
        )  # fmt: skip
        write_json(Path(output or Path(runs) / "fit.json"), curves.as_json())
        return curves
    path, table, given, n_counts = _table(Path(runs), given, n_counts)
    columns = detect(tuple(table), given)
    found = fit_runs(runs_of(table, columns, size_kind=n_counts), settings, progress)
    source = {"file": str(runs), "sha256": sha256_file(path), "columns": columns.as_json()}
    result = dataclasses.replace(
        found, settings={**found.settings, **source}, provenance=capture(command).as_json()
    )
    if output is None and path != Path(runs):
        output = path.with_name("fit.json")
    if output is not None:
        write_json(Path(output), result.as_json())
    return result


def _table(
    path: Path, given: dict[str, str | None], n_counts: str | None
) -> tuple[Path, Mapping[str, Sequence[str]], dict[str, str | None], str | None]:
    """The table that a path means, and of a study folder its columns too, where the user names none."""
    from fitwright.data.reading import read_table
    from fitwright.study.ladder_runs import COLUMNS, fitting_columns, is_study

    if not is_study(path):
        return path, read_table(path).columns, given, n_counts
    named = any(value for name, value in given.items() if name != "accuracy")
    found = given if named else {**given, **COLUMNS}
    return path / "runs.csv", fitting_columns(path), found, n_counts if named else n_counts or "total"


def study_predict(
    study: str | Path | FittedStudy, *, n: float, d: float, unique: float | None = None
) -> Prediction:
    """The loss of a run that was not made, with an interval from back-tested errors.

    Args:
        study: what :func:`study_fit` returned or wrote, or the folder of a study.
        n, d: parameters and tokens seen.
        unique: how many of the tokens differ; all of them unless told.

    Raises:
        CheckError: the point lies farther outside the ladder than its back-tests can speak for.
        UsageError: no study, or a number that is not positive.
    """
    for name, value in (("n", n), ("d", d), ("unique", 1.0 if unique is None else unique)):
        _check_positive(name, value)
    return _study(study).predict(size=n, data=d, unique=unique)


def study_best(
    study: str | Path | FittedStudy, *, flops: float | None = None, unique: float | None = None,
    epochs: float | None = None, within: float = 0.0, config: str | Path | None = None,
) -> Best:  # fmt: skip
    """The size to choose for a compute budget, for an amount of data, or for both.

    Args:
        study: what :func:`study_fit` returned or wrote, or the folder of a study.
        flops: training FLOPs, 6·N·D; ``None`` where compute does not matter.
        unique: different tokens that there are; ``None`` for data without end.
        epochs: passes over the data, where compute does not matter; the best number unless told.
        within: the smallest size whose loss is at most this share above the best, for example 0.01.
        config: file to write the ``config.json`` of the nearest shape of the ladder's family to, for
            ``train``; of a study folder alone.

    Raises:
        CheckError: too far outside the ladder. UsageError: neither compute nor data, or a number out of
            range.
    """
    if flops is None and unique is None:
        raise UsageError("nothing to go by", allowed="flops, unique, or both")
    if flops is not None and epochs is not None:
        raise UsageError("epochs follow from compute and data", got=epochs, mend="Leave epochs or flops out.")
    given = {"flops": flops, "unique": unique, "epochs": epochs}
    for name, value in given.items():
        if value is not None:
            _check_positive(name, value)
    if not 0 <= within < 1:
        raise UsageError("within is a share of the loss", got=within, allowed="0 to 1, for example 0.01")
    frontier = _study(study).frontier
    if flops is not None:
        found = frontier.for_compute(flops, unique=unique, within=within)
    else:
        found = frontier.for_data(float(unique or 0), epochs=epochs, within=within)
    if config is not None:
        from fitwright.study.hand_over import write_config

        if not isinstance(study, str | Path) or not Path(study).is_dir():
            raise UsageError("only a study folder knows the family of its models", got=str(config),
                             mend="Give the folder in place of FIT.json.")  # fmt: skip
        write_config(Path(study), found.size, Path(config))
    return found


def study_report(
    study: str | Path, *, output: str | Path | None = None, format: str = "both"
) -> WrittenStudyReport:
    """Write ``study.html`` and ``study.md``: the plots, the recommended size, what ten times more would buy.

    Args:
        study: the file that :func:`study_fit` wrote, or the study folder: then loss curves and what was
            memorised stand in it too, and how the largest run was predicted. Of labelled data: whether to
            label more or to take a bigger encoder, and the command that trains it.
        output: folder to write into; ``None`` writes beside the study.
        format: ``html``, ``markdown`` or ``both``.

    Raises:
        UsageError: no study, or an unknown format. RunError: the folder cannot be written.
    """
    from fitwright.api.report import FORMATS

    if format not in FORMATS:
        raise UsageError("unknown report format", got=format, allowed=", ".join(FORMATS))
    source = Path(study)
    source = source / "fit.json" if source.is_dir() else source
    from fitwright.core.files import write_text
    from fitwright.core.optional import require

    require("numpy")
    from fitwright.reporting import html, markdown
    from fitwright.study.page import page_of_file

    folder = source.parent if output is None else Path(output)
    if folder.exists() and not folder.is_dir():
        raise UsageError("--output is not a folder", got=str(folder))
    page = page_of_file(source)
    written = WrittenStudyReport(
        html=folder / "study.html" if format != "markdown" else None,
        markdown=folder / "study.md" if format != "html" else None,
    )
    if written.html is not None:
        write_text(written.html, html.render_page(page))
    if written.markdown is not None:
        write_text(written.markdown, markdown.render_page(page))
    return written


def _study(study: str | Path | FittedStudy) -> FittedStudy:
    from fitwright.core.optional import require

    require("numpy")
    if isinstance(study, str | Path):
        from fitwright.scaling.fitted import read_study
        from fitwright.study.labels.fitting import read_curves

        path = Path(study)
        path = path / "fit.json" if path.is_dir() else path
        if read_curves(path) is not None:
            raise UsageError(
                "this is a study of labelled data: it has a law for each encoder, of labels, not of tokens",
                got=str(study), mend="'fitwright study fit' and 'report' say what more labels would buy.",
            )  # fmt: skip
        return read_study(path)
    return study


def _check_positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise UsageError(f"{name} must be a positive number", got=value)
