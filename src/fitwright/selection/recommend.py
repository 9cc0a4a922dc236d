"""From a wish to models: who comes into question, what each needs, which of them no other one beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fitwright.core.errors import UsageError
from fitwright.selection import filters
from fitwright.selection.choices import Choice, Recommendation, Rejection
from fitwright.selection.limits import Limit, Miss, judge, limits_of, too_long
from fitwright.selection.nearest import nearest_of
from fitwright.selection.needs import needs_of, too_short_for
from fitwright.selection.quality import Figure, choose_benchmark, figures_of
from fitwright.selection.ranking import rank
from fitwright.selection.runtime import Runtime, suit
from fitwright.sizing.lengths import USUAL_SEQ, length_of
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

DEFAULT_TRAIN_BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is wanted.

    Attributes:
        task: a catalogue task or an everyday word for one.
        language: a code, ``multilingual``, or ``None``: any.
        licences: names or groups (``permissive``); empty: any.
        seq, batch: tokens of a row and rows of a batch, in serving; ``seq`` in training too. ``None``: 128,
            or a model's maximum where that is less.
        precision: of serving; ``None``: what suits the device.
        budget: in the budget grammar.
        train_batch: rows of a fine-tuning step; ``None``: 16 where the budget names ``training-memory``, else
            training is not looked at.
        train_precision: of that step; ``None``: fp32.
        price_per_hour_usd: of one device; for the budget's ``price``.
        benchmark: its id; ``None``: the one with most figures.
    """

    task: str
    language: str | None = None
    licences: tuple[str, ...] = ()
    seq: int | None = None
    batch: int = 1
    precision: str | None = None
    budget: str = ""
    train_batch: int | None = None
    train_precision: str | None = None
    price_per_hour_usd: float | None = None
    benchmark: str | None = None

    def __post_init__(self) -> None:
        price = self.price_per_hour_usd
        if price is not None and not 0 < price < float("inf"):
            raise UsageError("the price of an hour must be positive", got=price)
        Workload(batch=self.batch, seq=self.length, precision=self.precision or "fp32")
        Budget.parse(self.budget)
        self.training()

    @property
    def length(self) -> int:
        """Tokens of a row, where the model takes so many."""
        return USUAL_SEQ if self.seq is None else self.seq

    def training(self) -> Workload | None:
        """The fine-tuning step to look at; ``None`` where training does not matter."""
        named = any(found.name == "training-memory" for found in Budget.parse(self.budget).constraints)
        if self.train_batch is None and not named:
            if self.train_precision is not None:
                raise UsageError(
                    "train-precision is of a fine-tuning step, none is asked for", got=self.train_precision,
                    mend="Give --train-batch, or training-memory in the budget.",
                )  # fmt: skip
            return None
        batch = DEFAULT_TRAIN_BATCH if self.train_batch is None else self.train_batch
        return Workload(mode="train", batch=batch, seq=self.length, precision=self.train_precision or "fp32")


@dataclass(frozen=True, kw_only=True)
class _Terms:
    """A wish, understood."""

    wish: Wish
    task: filters.Task
    language: str | None
    licences: frozenset[str]
    device: Device
    training: Workload | None
    limits: tuple[Limit, ...]


def recommend(specs: Sequence[ModelSpec], wish: Wish, device: Device) -> Recommendation:
    """The models of ``specs`` for ``wish`` on ``device``.

    Cost is the estimated seconds of one row. A model is rejected only where a wish is not met or where the
    favourable end of an estimate misses a limit. Quality is what was published, on one benchmark; see
    :mod:`fitwright.selection.quality`.

    Raises:
        UsageError: unknown task, licence, language or benchmark; a limit that cannot be held.
    """
    terms = _understand(specs, wish, device)
    rejected: list[Rejection] = []
    candidates: list[ModelSpec] = []
    for spec in specs:
        missed = _missed_wishes(spec, terms)
        if missed:
            rejected.append(Rejection(spec=spec, missed=missed))
        else:
            candidates.append(spec)
    ids = {spec.id for spec in candidates}
    benchmark = choose_benchmark(terms.task.name, terms.language, ids, asked=wish.benchmark)
    figures = {} if benchmark is None else figures_of(benchmark)
    kept: list[Choice] = []
    for spec in candidates:
        found = _weigh(spec, terms, figures.get(spec.id))
        if isinstance(found, Choice):
            kept.append(found)
        else:
            rejected.append(found)
    order = {spec.id: place for place, spec in enumerate(specs)}
    rejected.sort(key=lambda rejection: order[rejection.spec.id])
    ranking = rank(kept, benchmark)
    return Recommendation(
        task=terms.task.name, language=terms.language, licences=tuple(sorted(terms.licences)),
        workload=Workload(batch=wish.batch, seq=wish.length, precision=_precision(candidates, terms)),
        training=terms.training, device=device, budget=wish.budget,
        runtimes=tuple(dict.fromkeys(suit(device, spec.kind, wish.precision) for spec in candidates)),
        price_per_hour_usd=wish.price_per_hour_usd, benchmark=benchmark, covered=len(ids & figures.keys()),
        candidates=len(ids), recommended=ranking.front, beaten=ranking.beaten,
        unknown_quality=ranking.unknown_quality, unpriced=ranking.unpriced, rejected=tuple(rejected),
        nearest=None if kept else nearest_of(rejected),
    )  # fmt: skip


def _understand(specs: Sequence[ModelSpec], wish: Wish, device: Device) -> _Terms:
    training = wish.training()
    limits = limits_of(
        Budget.parse(wish.budget), device, trains=training is not None,
        priced=wish.price_per_hour_usd is not None,
    )  # fmt: skip
    return _Terms(
        wish=wish, task=filters.find_task(wish.task, specs),
        language=None if wish.language is None else filters.find_language(wish.language, specs),
        licences=filters.find_licences(wish.licences, specs), device=device, training=training, limits=limits,
    )  # fmt: skip


def _missed_wishes(spec: ModelSpec, terms: _Terms) -> tuple[Miss, ...]:
    missed: list[Miss] = []
    if not terms.task.matches(spec):
        published = ", ".join(spec.tasks) or "nothing that is known"
        missed.append(Miss(constraint="task", reason=f"published for {published}"))
    if terms.language is not None and filters.language_fit(spec, terms.language) == "none":
        listed = ", ".join(spec.languages)
        missed.append(Miss(constraint="language", reason=f"its source lists {listed}, not {terms.language}"))
    if terms.licences and not filters.licence_allowed(spec, terms.licences):
        reason = f"licence {spec.licence}" if spec.licence else "its licence is not known"
        missed.append(Miss(constraint="licence", reason=reason))
    if spec.open_weights is False:
        missed.append(Miss(constraint="weights", reason="its weights are not published"))
    return tuple(missed)


def _weigh(spec: ModelSpec, terms: _Terms, figure: Figure | None) -> Choice | Rejection:
    wish = terms.wish
    runtime = suit(terms.device, spec.kind, wish.precision)
    seq, shortened = length_of(spec, wish.seq)
    workload = Workload(batch=wish.batch, seq=seq, precision=runtime.precision)
    training = None if terms.training is None else replace(terms.training, seq=seq)
    needs = needs_of(
        spec, workload=workload, device=terms.device, training=training,
        price_per_hour_usd=wish.price_per_hour_usd,
    )  # fmt: skip
    verdict = judge(needs, terms.limits)
    longest = too_short_for(spec, workload)
    missed = verdict.missed if longest is None else (too_long(longest, seq), *verdict.missed)
    if missed:
        worst_first = tuple(sorted(missed, key=lambda miss: -(miss.excess or 0.0)))
        return Rejection(spec=spec, missed=worst_first)
    return Choice(
        spec=spec, figure=figure, needs=needs, runtime=runtime, doubtful=verdict.doubtful,
        unknown=verdict.unknown, notes=(*_notes(spec, terms, runtime, figure), *filter(None, [shortened])),
    )  # fmt: skip


def _notes(spec: ModelSpec, terms: _Terms, runtime: Runtime, figure: Figure | None) -> tuple[str, ...]:
    notes: list[str] = []
    if terms.language is not None and filters.language_fit(spec, terms.language) == "multilingual":
        listed = ", ".join(spec.languages)
        if terms.language != "multilingual":
            notes.append(f"{listed}: its source does not say whether {terms.language} is among them")
    if figure is not None and runtime.precision in ("int8", "int4"):
        notes.append(f"the figure is of the unquantised model: measure what {runtime.precision} costs")
    if figure is not None and figure.note:
        notes.append(figure.note)
    return tuple(notes)


def _precision(candidates: Sequence[ModelSpec], terms: _Terms) -> str:
    """Of most of the candidates; each choice names its own."""
    used = [suit(terms.device, spec.kind, terms.wish.precision).precision for spec in candidates]
    return max(dict.fromkeys(used), key=used.count) if used else terms.wish.precision or "fp32"
