"""What a ``fit`` may be told."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from fitwright.compression.search import SearchSettings
from fitwright.core.errors import UsageError
from fitwright.evaluation.evaluate import EvaluationSettings
from fitwright.spec.budget import Budget
from fitwright.training.settings import TrainSettings

TASKS = ("text-classification",)
DEFAULT_BUDGET = "latency-p95=0.33x,size=0.33x"
MEASURED = ("latency-p50", "latency-p95", "throughput", "size", "memory", "max-drop")


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Settings of the whole loop.

    Attributes:
        task: one of :data:`TASKS`.
        budget: in the budget grammar.
        models: sources to consider (folders, catalogue names, Hub ids); empty: what this machine has.
        teachers: how many of the kept sources are fine-tuned; the best on the validation part is shrunk.
        text, label: columns; detected when not given.
        batch, seq: of the latency; ``seq`` ``None`` takes the rows' own lengths.
        threads: of one run; ``None`` takes the cores that this process may use.
        train: of the source.
        distil_epochs, distil_learning_rate: of every student.
    """

    task: str = "text-classification"
    budget: str = DEFAULT_BUDGET
    models: tuple[str, ...] = ()
    teachers: int = 1
    text: str | None = None
    label: str | None = None
    batch: int = 1
    seq: int | None = None
    threads: int | None = None
    train: TrainSettings = field(default_factory=TrainSettings)
    distil_epochs: int = 4
    distil_learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise UsageError("this task is not supported yet", got=self.task, allowed=", ".join(TASKS))
        if self.teachers < 1:
            raise UsageError("teachers must be at least 1", got=self.teachers)
        unmeasured = [c.name for c in Budget.parse(self.budget).constraints if c.name not in MEASURED]
        if unmeasured:
            raise UsageError(
                "fit cannot measure this constraint yet", got=unmeasured[0], allowed=", ".join(MEASURED)
            )
        self.search(), self.final()  # they check the rest

    def search(self) -> SearchSettings:
        """The settings of the shrinking stage: measured often, so measured briefly."""
        budget = Budget.parse(self.budget)
        wants_memory = any(c.name == "memory" for c in budget.constraints)
        train = self.train.but(
            epochs=self.distil_epochs, learning_rate=self.distil_learning_rate, dropout=0.0
        )
        evaluation = EvaluationSettings(
            batch=self.batch, seq=self.seq, threads=self.threads, seconds=3.0, repeats=1,
            memory=wants_memory, seed=self.train.seed,
        )  # fmt: skip
        return SearchSettings(budget=budget, train=train, evaluation=evaluation)

    def final(self) -> EvaluationSettings:
        """How the chosen model is measured on the test part."""
        return EvaluationSettings(
            batch=self.batch, seq=self.seq, threads=self.threads, seconds=8.0, rounds=15, seed=self.train.seed
        )

    def as_json(self) -> dict[str, Any]:
        plain = asdict(self)
        plain["models"] = list(self.models)
        return plain
