"""From a corpus and a budget to a study folder: tokenizer, tokens, the plan of the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory
from fitwright.core.progress import Progress
from fitwright.core.units import format_count
from fitwright.data.corpus import HELD_OUT, Corpus, read_corpus
from fitwright.data.token_blocks import Stream, save_stream, stream_of
from fitwright.data.tokenizer_training import save_tokenizer, train_tokenizer
from fitwright.scaling.design import grid, rules
from fitwright.scaling.design.families import END_ID, Family, family_of
from fitwright.scaling.design.plan import PLAN_NAME, Cell, Plan
from fitwright.scaling.design.shapes import Shape, parse_shapes
from fitwright.study.folder import HELD_OUT_BLOCKS, SEEN_BLOCKS, StudyFolder
from fitwright.study.probe import side_by_side, step_seconds

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PROBED_BATCH = 8
_SAMPLED, _CAUTION = 500, 0.95
_LITTLE_SPREAD = 8.0


@dataclass(frozen=True, kw_only=True)
class DesignSettings:
    """What a ladder is asked to be.

    Attributes:
        family: ``gpt2``, ``llama`` or ``bert``. shapes: as :func:`parse_shapes` reads them; ``None``: chosen.
        minutes, flops: the budget; one of the two.
        vocabulary: tokens of the tokenizer. block: tokens of a block.
        learning_rate: peak at a width of 128; other widths follow by rule.
        dropout, weight_decay: regularisation of every cell.
        held_out: share of documents. seed: of split, weights and order.
    """

    family: str = "gpt2"
    shapes: str | None = None
    minutes: float | None = None
    flops: float | None = None
    vocabulary: int = 1024
    block: int = 128
    learning_rate: float = rules.BASE_RATE
    dropout: float = 0.0
    weight_decay: float = 0.1
    held_out: float = HELD_OUT
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.flops is None):
            raise UsageError("a budget is needed, in one unit", allowed="--minutes or --flops",
                             got={"minutes": self.minutes, "flops": self.flops})  # fmt: skip
        for name in ("minutes", "flops", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"{name} must be a positive number", got=value)
        if self.block < 8:
            raise UsageError("block is too short", got=self.block, allowed="8 tokens or more")
        if not 0 <= self.dropout < 1 or not self.weight_decay >= 0:
            raise UsageError("dropout is in [0, 1), weight_decay at least 0",
                             got=(self.dropout, self.weight_decay))  # fmt: skip


def design_study(
    path: Path, folder: Path, settings: DesignSettings, progress: Progress, *, text: str | None = None,
    overwrite: bool = False, provenance: Mapping[str, Any],
) -> Plan:  # fmt: skip
    """Read the corpus, train its tokenizer, time the machine, and write the study folder.

    Raises:
        DataError: the corpus cannot be used. UsageError: a setting is wrong, the budget too small, or the
            folder is taken.
    """
    family = family_of(settings.family)
    refuse_taken(folder, overwrite=overwrite)
    with progress.task("design", 4, "steps") as task:
        task.advance(0, note="reading the corpus")
        corpus = read_corpus(path, text=text, held_out=settings.held_out, seed=settings.seed)
        task.advance(1, note=f"tokenizer of {settings.vocabulary:,}")
        with new_directory(folder) as work:
            tokenizer = train_tokenizer(corpus.training, settings.vocabulary)
            save_tokenizer(tokenizer, StudyFolder(work).tokenizer, max_length=settings.block)
            amounts = _amounts(corpus, tokenizer, settings)
            task.advance(1, note="timing a few steps of each shape")
            plan = _plan(family, settings, corpus, amounts, provenance)
            task.advance(1, note="writing the tokens")
            _write_tokens(StudyFolder(work), corpus, tokenizer, plan)
            plan.write(work)
        task.advance(1)
    return plan


def refuse_taken(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is not empty, unless a study in it is to be replaced."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    ours = folder.is_dir() and (folder / PLAN_NAME).is_file()
    if not ours or not overwrite:
        mend = "Choose another --output" + (", or add --overwrite; its runs are then lost." if ours else ".")
        raise UsageError("the output folder is not empty", got=str(folder), mend=mend)


def _amounts(corpus: Corpus, tokenizer: Tokenizer, settings: DesignSettings) -> dict[str, int]:
    """Tokens to train on, counted on a sample and a little less than there are; tokens to judge by."""
    sample = corpus.training[:_SAMPLED]
    share = sum(map(len, sample)) / sum(map(len, corpus.training))
    counted = len(stream_of(sample, tokenizer, end=END_ID))
    training = counted if share == 1 else int(counted / share * _CAUTION)
    held_S = _held_out(corpus, tokenizer, settings.block)
    return {"training_tokens": training, "held_out_tokens": len(held_S)}


def _held_out(corpus: Corpus, tokenizer: Tokenizer, block: int) -> Stream:
    held_S = stream_of(corpus.held_out, tokenizer, end=END_ID, most=HELD_OUT_BLOCKS * block + 1)
    if len(held_S) <= block:
        raise UsageError("too little text is held out", got=f"{len(held_S):,} tokens",
                         allowed=f"more than {block:,}", mend="Raise --held-out.")  # fmt: skip
    return held_S


def _write_tokens(folder: StudyFolder, corpus: Corpus, tokenizer: Tokenizer, plan: Plan) -> None:
    """As much of the training part as the largest cell needs, and the held-out part."""
    most = max(cell.unique_tokens for cell in plan.cells) + 1
    training_S = stream_of(corpus.training, tokenizer, end=END_ID, most=most)
    if len(training_S) < most:
        raise UsageError(
            "the corpus has fewer tokens than a sample of it promised", got=f"{len(training_S):,}",
            allowed=f"{most:,}", mend="Lower the budget a little.",
        )  # fmt: skip
    save_stream(training_S, folder.training_tokens)
    save_stream(_held_out(corpus, tokenizer, plan.block), folder.held_out_tokens)


def _plan(
    family: Family, settings: DesignSettings, corpus: Corpus, amounts: Mapping[str, int],
    provenance: Mapping[str, Any],
) -> Plan:  # fmt: skip
    judged = amounts["held_out_tokens"] + SEEN_BLOCKS * settings.block
    machine = _Machine(family, settings, judged)
    shapes = _shapes(machine, settings, amounts["training_tokens"])
    workers, gain = side_by_side(family, shapes[-1], settings.vocabulary, settings.block, _PROBED_BATCH)
    price, budget = machine.flops_price, settings.flops or 0.0
    if settings.minutes is not None:
        price, budget = machine.seconds_price, 60 * settings.minutes * workers
    points = grid.points_of(shapes, machine.flops_per_token)
    wanted = grid.tokens_within(points, budget, price)
    tokens = grid.check_blocks(wanted, settings.block, amounts["training_tokens"] - 1)
    cells = tuple(_cell(point, tokens, machine) for point in points)
    source = corpus.source.as_json()
    plan = Plan(
        family=family.name, vocabulary=settings.vocabulary, block=settings.block, seed=settings.seed,
        corpus={**source, **amounts}, budget={"minutes": settings.minutes, "flops": settings.flops},
        speed={
            "workers": workers, "side_by_side_gain": round(gain, 3),
            "flops_per_s": {s.name: round(machine.speed(s)) for s in shapes},
            "how": "a few timed steps of each shape on one thread",
        },
        rules={
            "learning_rate": rules.RATE_RULE, "initial_weights": rules.INITIAL_RULE, "batch": rules.BATCH_RULE
        },
        cells=cells, dropout=settings.dropout, weight_decay=settings.weight_decay, provenance=provenance,
    )  # fmt: skip
    return Plan(**{**vars(plan), "warnings": _warnings(plan, wanted, tokens)})


def _shapes(machine: _Machine, settings: DesignSettings, available: int) -> tuple[Shape, ...]:
    if settings.shapes is not None:
        return tuple(sorted(parse_shapes(settings.shapes), key=machine.flops_per_token))
    price, budget = machine.flops_price, settings.flops or 0.0
    if settings.minutes is not None:
        from fitwright.core.provenance import usable_cores

        price, budget = machine.rough_price, 60 * settings.minutes * usable_cores()
    return grid.choose_shapes(budget, price, machine.flops_per_token, machine.parameters, float(available))


class _Machine:
    """Prices of shapes on this machine; each shape is timed once."""

    def __init__(self, family: Family, settings: DesignSettings, judged_tokens: int) -> None:
        self.family, self.settings, self.judged = family, settings, judged_tokens
        self._speeds: dict[Shape, float] = {}

    def flops_per_token(self, shape: Shape) -> float:
        return self.family.flops_per_token(shape, self.settings.vocabulary, self.settings.block)

    def parameters(self, shape: Shape) -> int:
        return self.family.total(shape, self.settings.vocabulary, self.settings.block)

    def speed(self, shape: Shape) -> float:
        """FLOP/s of training on one thread."""
        if shape not in self._speeds:
            given = self.settings
            seconds = step_seconds(self.family, shape, given.vocabulary, given.block, _PROBED_BATCH)
            self._speeds[shape] = self.flops_per_token(shape) * _PROBED_BATCH * given.block / seconds
        return self._speeds[shape]

    def flops_price(self, shape: Shape) -> grid.Price:
        """In FLOPs; evaluations are not counted, as nobody does."""
        return grid.Price(per_token=self.flops_per_token(shape))

    def seconds_price(self, shape: Shape) -> grid.Price:
        """In seconds on one thread; an evaluation is a forward pass, a third of training."""
        each = self.flops_per_token(shape) / self.speed(shape)
        return grid.Price(per_token=each, per_epoch=each * self.judged / 3)

    def rough_price(self, shape: Shape) -> grid.Price:
        """The same before the shapes are known: at the speed of one that is timed."""
        middle = parse_shapes("128")[0]
        each = self.flops_per_token(shape) / self.speed(middle)
        return grid.Price(per_token=each, per_epoch=each * self.judged / 3)


def _cell(point: grid.Point, tokens: float, machine: _Machine) -> Cell:
    settings, shape = machine.settings, point.shape
    blocks = grid.whole_blocks(point, tokens, settings.block)
    unique = blocks * settings.block
    batch = rules.batch_blocks(unique * point.epochs, settings.block, blocks)
    price = machine.seconds_price(shape)
    parameters = machine.parameters(shape)
    name = f"w{shape.width}-h{shape.heads}-l{shape.layers}-u{format_count(unique)}-e{point.epochs}"
    return Cell(
        name=name, shape=shape, parameters=parameters,
        non_embedding=parameters - settings.vocabulary * shape.width, unique_tokens=unique,
        epochs=point.epochs, batch_blocks=batch,
        learning_rate=rules.learning_rate(shape.width, settings.learning_rate),
        flops=machine.flops_per_token(shape) * unique * point.epochs,
        seconds=round(price.per_token * unique * point.epochs + price.per_epoch * point.epochs, 1),
        memory_bytes=machine.family.memory_bytes(shape, settings.vocabulary, settings.block, batch),
        role=point.role,
    )  # fmt: skip


def _warnings(plan: Plan, wanted: float, tokens: float) -> tuple[str, ...]:
    found = []
    if tokens < wanted * 0.99:
        found.append(
            f"the corpus has {format_count(tokens)} tokens where the budget would train on "
            f"{format_count(wanted)}: the ladder ends before the budget; larger shapes would use it"
        )
    if plan.spread < _LITTLE_SPREAD:
        found.append(f"tokens for each parameter spread over {plan.spread:.1f}× only")
    if len({cell.shape for cell in plan.cells}) < 3:
        found.append("fewer than three sizes: no law can be fitted to them")
    return tuple(found)
