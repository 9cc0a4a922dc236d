"""From labelled data and a budget to a study folder: split rows, tokenizer, the plan of the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fitwright.core.files import new_directory
from fitwright.core.progress import Progress
from fitwright.core.provenance import usable_cores
from fitwright.data.tokenizer_training import save_tokenizer, train_tokenizer
from fitwright.scaling.design import label_grid, rules
from fitwright.scaling.design.label_grid import LabelPoint
from fitwright.scaling.design.label_plan import Encoder, LabelCell, LabelPlan
from fitwright.study.designing import refuse_taken
from fitwright.study.folder import StudyFolder
from fitwright.study.labels import cell as cells
from fitwright.study.labels import encoders as models
from fitwright.study.labels.judging import MOST_SEEN
from fitwright.study.labels.rows import LabelledParts, read_parts, save_rows
from fitwright.study.labels.settings import LabelSettings
from fitwright.study.labels.speed import TIMED_ROWS, RowCost, row_cost, side_by_side
from fitwright.training.settings import TrainSettings

_SCRATCH_DROPOUT = 0.1
_FEW_HELD_OUT = 200
RATE_RULE = f"{rules.RATE_RULE}; of models with weights one rate, --model-rate, as is usual in fine-tuning"
ROWS_RULE = (
    "nested: each amount is the first rows of an order with the classes' shares in every prefix; many epochs "
    "only where they cost no more than the largest encoder's few epochs of all rows; amounts of at most a "
    "quarter drawn anew"
)


def design_labels(
    path: Path, folder: Path, settings: LabelSettings, progress: Progress, *, text: str | None = None,
    label: str | None = None, overwrite: bool = False, provenance: Mapping[str, Any],
) -> LabelPlan:  # fmt: skip
    """Read and split the rows, time each encoder on some of them, and write the study folder.

    Raises:
        DataError: the data cannot be used, or is too little. UsageError: a setting is wrong, no such model,
            the budget too small, or the folder is taken.
    """
    refuse_taken(folder, overwrite=overwrite)
    with progress.task("design", 3, "steps") as task:
        task.advance(0, note="reading the rows")
        parts = read_parts(
            path, text=text, label=label, held_out=settings.held_out, validation=settings.validation,
            seed=settings.seed,
        )  # fmt: skip
        _amounts(settings, parts)  # what is too little is said before anything is timed
        vocabulary = settings.vocabulary or models.vocabulary_for(parts.train.texts)
        encoders = models.encoders_of(settings.models, settings.shapes, vocabulary, settings.max_length)
        with new_directory(folder) as work:
            made = StudyFolder(work)
            if any(not encoder.is_pretrained for encoder in encoders):
                tokenizer = train_tokenizer(parts.train.texts, vocabulary, framed=True)
                save_tokenizer(tokenizer, made.tokenizer, max_length=settings.max_length)
            else:
                vocabulary = 0
            task.advance(1, note="timing a few steps of each encoder")
            machine = _Machine(made, encoders, parts, settings, vocabulary)
            plan = _plan(machine, provenance)
            task.advance(1, note="writing the rows")
            most = max(plan.amounts)
            save_rows(parts.train.subset(range(most)), cells.rows_path(made, cells.TRAIN))
            save_rows(parts.validation, cells.rows_path(made, cells.VALIDATION))
            save_rows(parts.held_out, cells.rows_path(made, cells.HELD_OUT))
            plan.write(work)
        task.advance(1)
    return plan


def _amounts(settings: LabelSettings, parts: LabelledParts) -> tuple[int, ...]:
    """The amounts before any budget: as they were asked for, or up to all rows."""
    available, classes = len(parts.train), len(parts.train.names)
    if settings.rows:
        return label_grid.check_amounts(settings.rows, available, classes)
    return label_grid.amounts_up_to(available, classes)


class _Machine:
    """What each encoder costs on this machine, timed once."""

    def __init__(
        self, folder: StudyFolder, encoders: tuple[Encoder, ...], parts: LabelledParts,
        settings: LabelSettings, vocabulary: int,
    ) -> None:  # fmt: skip
        self.encoders, self.parts, self.settings, self.vocabulary = encoders, parts, settings, vocabulary
        self.timed = parts.train.subset(range(min(TIMED_ROWS, len(parts.train))))
        self.specs = {e.name: models.spec_of(e, vocabulary, settings.max_length) for e in encoders}
        self.sources = {e.name: cells.start_of(folder, e, vocabulary, settings.max_length) for e in encoders}
        self.costs = {e.name: row_cost(self.sources[e.name], self.timed, self._timing(e)) for e in encoders}

    def _timing(self, encoder: Encoder) -> TrainSettings:
        dropout = self.regularisations(encoder)[0][0]
        return TrainSettings(
            batch_size=label_grid.batch_rows(10**6), max_length=self.settings.max_length, precision="fp32",
            dropout=dropout, seed=self.settings.seed,
        )  # fmt: skip

    def side_by_side(self) -> tuple[int, float]:
        """Of the slowest encoder, which takes most of the time."""
        slowest = max(self.encoders, key=lambda e: self.costs[e.name].row_s)
        name = slowest.name
        return side_by_side(self.sources[name], self.timed, self._timing(slowest), self.costs[name])

    def regularisations(self, encoder: Encoder) -> tuple[tuple[float | None, float], ...]:
        """Dropout and weight decay that an encoder is trained with."""
        own: tuple[float | None, ...] = (None if encoder.is_pretrained else _SCRATCH_DROPOUT,)
        return tuple((p, w) for p in (self.settings.dropout or own) for w in self.settings.weight_decay)

    def cost(self, encoder: Encoder) -> RowCost:
        return self.costs[encoder.name]

    def points(self, encoder: Encoder, amounts: Sequence[int]) -> tuple[LabelPoint, ...]:
        """The cells of an encoder."""
        each = {e.name: models.flops_per_row(self.specs[e.name], self.cost(e).tokens) for e in self.encoders}
        room = max(each.values()) / each[encoder.name]
        return label_grid.points_of(amounts, self.settings.epochs, self.settings.draws, room=room)

    def seconds(self, encoder: Encoder, point: LabelPoint) -> float:
        """Of a cell on one thread: training, evaluations, the judgement, the start."""
        cost, parts = self.cost(encoder), self.parts
        seen = min(MOST_SEEN, point.rows)
        judged = len(parts.validation) * cells.evaluations(point.epochs) + len(parts.held_out) + seen
        return cost.seconds(point.rows, point.epochs, label_grid.batch_rows(point.rows), judged)

    def flops(self, encoder: Encoder, point: LabelPoint) -> float:
        """Of the training products."""
        each = models.flops_per_row(self.specs[encoder.name], self.cost(encoder).tokens)
        return each * point.rows * point.epochs


def _plan(machine: _Machine, provenance: Mapping[str, Any]) -> LabelPlan:
    settings, parts = machine.settings, machine.parts
    workers, gain = machine.side_by_side()
    threads_worth = usable_cores() / gain if workers == 1 else 1.0
    amounts = _within(machine, max(workers, threads_worth))
    found = tuple(
        _cell(machine, encoder, point, dropout, decay)
        for encoder in machine.encoders
        for dropout, decay in machine.regularisations(encoder)
        for point in machine.points(encoder, amounts)
    )
    scratch = any(not encoder.is_pretrained for encoder in machine.encoders)
    tokenizer = {"vocabulary": models.VOCABULARY_RULE} if scratch and settings.vocabulary is None else {}
    plan = LabelPlan(
        encoders=machine.encoders, vocabulary=machine.vocabulary, max_length=settings.max_length,
        seed=settings.seed, data=parts.as_json(),
        budget={"minutes": settings.minutes, "flops": settings.flops},
        speed={
            "workers": workers, "side_by_side_gain": round(gain, 3), "threads_worth": round(threads_worth, 3),
            "encoders": {
                name: {key: round(value, 6) for key, value in vars(cost).items()}
                for name, cost in machine.costs.items()
            },
            "how": f"{len(machine.timed)} real rows, trained on and judged by each encoder on one thread",
        },
        rules={"learning_rate": RATE_RULE, "batch": label_grid.BATCH_RULE, "rows": ROWS_RULE, **tokenizer},
        cells=tuple(sorted(found, key=lambda c: -c.seconds)), provenance=provenance,
    )  # fmt: skip
    return replace(plan, warnings=_warnings(plan, parts))


def _within(machine: _Machine, at_once: float) -> tuple[int, ...]:
    """The amounts that the budget pays for."""
    settings, parts = machine.settings, machine.parts
    amounts = _amounts(settings, parts)
    if settings.minutes is None and settings.flops is None:
        return amounts

    def cost(tried: Sequence[int]) -> float:
        price = machine.seconds if settings.flops is None else machine.flops
        return sum(
            price(encoder, point) * len(machine.regularisations(encoder))
            for encoder in machine.encoders for point in machine.points(encoder, tried)
        )  # fmt: skip

    budget = settings.flops or 60 * (settings.minutes or 0.0) * at_once
    classes = len(parts.train.names)
    return label_grid.amounts_up_to(label_grid.most_within(budget, amounts[-1], classes, cost), classes)


def _cell(
    machine: _Machine, encoder: Encoder, point: LabelPoint, dropout: float | None, decay: float
) -> LabelCell:
    settings, batch = machine.settings, label_grid.batch_rows(point.rows)
    rate = settings.model_rate
    if encoder.shape is not None:
        rate = rules.learning_rate(encoder.shape.width, settings.learning_rate)
    name = f"{_slug(encoder.name)}-u{point.rows}-e{point.epochs}"
    name += f"-d{point.draw}" if point.draw else ""
    if len(machine.regularisations(encoder)) > 1:
        name += f"-p{'own' if dropout is None else f'{dropout:g}'}-w{decay:g}"
    tokens = machine.cost(encoder).tokens
    return LabelCell(
        name=name, encoder=encoder.name, unique_rows=point.rows, epochs=point.epochs, draw=point.draw,
        batch_rows=batch, learning_rate=rate, dropout=dropout, weight_decay=decay,
        flops=machine.flops(encoder, point), seconds=round(machine.seconds(encoder, point), 1),
        memory_bytes=models.memory_bytes(machine.specs[encoder.name], tokens, batch),
    )  # fmt: skip


def _slug(name: str) -> str:
    """A name as a part of a folder's name."""
    return "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in name)


def _warnings(plan: LabelPlan, parts: LabelledParts) -> tuple[str, ...]:
    found = []
    if parts.repeats or parts.conflicts:
        found.append(
            f"left out: {parts.repeats:,} rows that repeat a text, {parts.conflicts:,} whose text has "
            "several labels"
        )
    if parts.source.dropped:
        found.append(f"left out: {parts.source.dropped:,} rows without a text or a label")
    if len(parts.held_out) < _FEW_HELD_OUT:
        found.append(
            f"only {len(parts.held_out):,} rows judge: accuracies are rough, and so is what is fitted to them"
        )
    if len(plan.encoders) < 2:
        found.append("one encoder alone: the study tells what more labels buy, not what a bigger one would")
    return tuple(found)
