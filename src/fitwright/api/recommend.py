"""``fitwright.recommend``: which models for a task, on a device, within a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fitwright.reporting.tables import Column
    from fitwright.selection.choices import Choice, Recommendation


def recommend(
    task: str,
    *,
    language: str | None = None,
    seq: int | None = None,
    licence: Sequence[str] | str = (),
    device: str | None = None,
    budget: str = "",
    batch: int = 1,
    precision: str | None = None,
    train_batch: int | None = None,
    train_precision: str | None = None,
    price_per_hour: float | None = None,
    benchmark: str | None = None,
) -> Recommendation:
    """The Pareto front of published quality against estimated cost, and why every other model is not on it.

    Args:
        task: a catalogue task, such as ``text-classification``, or an everyday word such as ``embeddings``.
        language: a code such as ``en``, or ``multilingual``; ``None``: any.
        seq: tokens of a row; ``None``: 128, or a model's maximum where that is less. batch: rows of a batch.
        licence: names or groups, such as ``permissive``; several are joined by "or"; empty: any.
        device: ``cpu`` or ``None`` (this machine), ``cuda:N``, ``auto``, or a listed device.
        budget: limits, such as ``latency-p95=100ms,memory=2GiB``; absolute values only.
        precision: of serving; ``None``: what suits the device.
        train_batch: rows of a fine-tuning step that has to fit too; 16 where the budget has
            ``training-memory``.
        train_precision: of that step; ``None``: fp32.
        price_per_hour: US dollars of one device, for a ``price`` in the budget.
        benchmark: the one to compare on; ``None``: the one with most published figures.

    Returns:
        ``recommended`` (the front, best first), ``beaten``, ``unknown_quality``, ``unpriced``, ``rejected``
        with each model's constraint and excess, ``nearest`` where nothing fits, and ``as_json()``.

    Raises:
        UsageError: an unknown name, or a limit that cannot be held against an estimate.
    """
    from fitwright.catalog import store
    from fitwright.selection.recommend import Wish
    from fitwright.selection.recommend import recommend as choose
    from fitwright.sizing import devices

    licences = (licence,) if isinstance(licence, str) else tuple(licence)
    wish = Wish(
        task=task, language=language, licences=licences, seq=seq, batch=batch, precision=precision,
        budget=budget, train_batch=train_batch, train_precision=train_precision,
        price_per_hour_usd=price_per_hour, benchmark=benchmark,
    )  # fmt: skip
    return choose(store.load_all(), wish, devices.find(device))


def columns(found: Recommendation, *, quality: bool = True) -> tuple[Column[Choice], ...]:
    """The columns of its tables: quality where there is a benchmark, money where an hour has a price."""
    from fitwright.core.units import format_bytes, format_count, format_seconds
    from fitwright.reporting.tables import Column
    from fitwright.spec.budget import Budget

    asked = {constraint.name for constraint in Budget.parse(found.budget).constraints}

    def need(name: str, title: str, text: object, spare: int = 0) -> Column[Choice]:
        return Column(
            key=name, title=title, numeric=True, value=lambda choice: _value(choice, name),
            text=lambda value: f"~{text(value)}", spare=0 if name in asked else spare,  # type: ignore[operator]
        )  # fmt: skip

    figures: tuple[Column[Choice], ...] = ()
    if quality and found.benchmark is not None:
        figures = (
            Column(
                key="quality", title=found.benchmark.title, numeric=True, text=lambda value: f"{value:.1f}",
                value=lambda choice: None if choice.figure is None else choice.figure.value,
            ),
        )  # fmt: skip
    money: tuple[Column[Choice], ...] = ()
    if found.price_per_hour_usd is not None:
        money = (need("price", "USD/1M rows", lambda value: f"{value:.3g}"),)
    training: tuple[Column[Choice], ...] = ()
    if found.training is not None:
        training = (need("training-memory", "Training", format_bytes),)
    return (
        Column(key="model", title="Model", value=lambda choice: choice.spec.id),
        Column(
            key="parameters", title="Params", numeric=True, value=lambda choice: choice.spec.parameters,
            text=format_count, spare=2,
        ),
        *figures,
        need("latency-p95", "Latency", format_seconds),
        *money,
        need("memory", "Memory", format_bytes, spare=1),
        *training,
        need("size", "Size", format_bytes, spare=3),
        Column(
            key="verdict", title="Budget", value=lambda choice: choice.fits,
            text=lambda text: str(text).removesuffix(": measure"),
        ),
    )  # fmt: skip


def _value(choice: Choice, name: str) -> float | None:
    quantity = choice.needs.get(name)
    return None if quantity is None else quantity.value
