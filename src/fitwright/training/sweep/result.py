"""What came of a sweep: a row for each run, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.training.sweep.space import Parameter

SWEEP_NAME, TABLE_NAME = "sweep.json", "sweep.md"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run.

    Attributes:
        trial: ``default``, or its number.
        values: by name of the parameter.
        state: ``complete``, ``pruned`` (ended early) or ``failed``.
        score, loss: of its best epoch, on the validation part; ``None`` where it failed.
        change: of the score against the default run.
        epochs: that were trained.
        seconds: of training.
        parameters: of the model.
        reason: why it failed.
    """

    trial: str
    values: Mapping[str, Any]
    state: Literal["complete", "pruned", "failed"]
    score: float | None = None
    loss: float | None = None
    change: float | None = None
    epochs: int = 0
    seconds: float = 0.0
    parameters: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        key: of all that decides it.
        metric: name of the score; ``share``: whether it is a share of 1.
        space: as the command line takes it.
        rows: best first, failed ones last.
        best: the ``trial`` whose model directory this is.
        importance: share of the score's variation that each parameter explains.
        importance_method: ``fanova``, ``marginal`` (range of the means), or "" where runs are too few.
    """

    key: str
    metric: str
    share: bool
    space: tuple[str, ...]
    rows: tuple[Row, ...]
    best: str
    importance: Mapping[str, float]
    importance_method: str

    @property
    def default(self) -> Row:
        """The run without changes."""
        return next(row for row in self.rows if row.trial == "default")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, folder: Path) -> SweepResult:
        """Of the folder that a sweep made."""
        data = read_json(folder / SWEEP_NAME, what="sweep")
        try:
            return cls(**{**data, "rows": tuple(Row(**row) for row in data["rows"]),
                          "space": tuple(data["space"])})  # fmt: skip
        except (KeyError, TypeError) as error:
            raise UsageError(f"{SWEEP_NAME} is damaged ({error})", got=str(folder / SWEEP_NAME)) from error


MINIMUM_RUNS = 4
"""Complete runs that importances need."""


def importances(
    rows: Sequence[Row], parameters: Sequence[Parameter], trials: Sequence[Any], seed: int
) -> tuple[dict[str, float], str]:
    """How much each parameter matters, as shares of 1, largest first, and by which method.

    By functional analysis of variance (Hutter et al. 2014) where scikit-learn is there, which Optuna needs
    for it; else by the range of the mean score between a parameter's values (of a range: its two halves).
    With few runs both are rough.
    """
    done = [row for row in rows if row.state == "complete" and row.score is not None]
    if len(done) < MINIMUM_RUNS or len({row.score for row in done}) < 2:
        return {}, ""
    found = _fanova(trials, seed)
    if found is not None:
        return found, "fanova"
    spans = {parameter.name: _span(done, parameter) for parameter in parameters}
    total = sum(spans.values())
    shares = {name: span / total if total else 0.0 for name, span in spans.items()}
    return dict(sorted(shares.items(), key=lambda pair: -pair[1])), "marginal"


def _fanova(trials: Sequence[Any], seed: int) -> dict[str, float] | None:
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if len(complete) < MINIMUM_RUNS:
        return None
    try:
        import sklearn  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        return None
    import optuna

    study = optuna.create_study()
    study.add_trials(complete)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    try:
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except RuntimeError:  # its trees found nothing that varies
        return None


def _span(rows: Sequence[Row], parameter: Parameter) -> float:
    groups: dict[Any, list[float]] = {}
    for row in rows:
        value = row.values.get(parameter.name)
        if value is None or row.score is None:
            continue
        groups.setdefault(value if parameter.choices else value > parameter.middle, []).append(row.score)
    means = [sum(scores) / len(scores) for scores in groups.values()]
    return max(means) - min(means) if means else 0.0
