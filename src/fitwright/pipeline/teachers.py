"""Which models are considered as the source, and which of them are fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fitwright.catalog.local import read_model_directory
from fitwright.catalog.names import find
from fitwright.catalog.store import load_all
from fitwright.core.errors import UnknownModelError, UsageError
from fitwright.modeling.sources import cached_folder
from fitwright.pipeline.settings import FitSettings
from fitwright.selection.candidates import Rejected, Shrinking, filter_candidates
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

SHORTLIST = {
    "zh": ("google-bert/bert-base-chinese", "hfl/chinese-roberta-wwm-ext"),
    "en": ("distilbert/distilbert-base-uncased", "google-bert/bert-base-uncased", "FacebookAI/roberta-base"),
    "other": ("distilbert/distilbert-base-multilingual-cased", "FacebookAI/xlm-roberta-base"),
}
"""What is fetched from the Hub when no model is named and none is on this machine, by the data's language."""


@dataclass(frozen=True, kw_only=True)
class Considered:
    """One source and the verdict on it. ``name`` is what the user or the catalogue calls it."""

    name: str
    spec: ModelSpec
    estimate: Record | None
    reason: str
    kept: bool


def check_names(settings: FitSettings) -> None:
    """Raise what is wrong with the sources that the user named, before anything is written.

    Raises:
        UnknownModelError, UsageError: a name that nothing answers to, or a folder that is no model directory.
    """
    for name in settings.models:
        _spec(name)


def consider(settings: FitSettings, device: Device, language: str, seq: int) -> list[Considered]:
    """Every source with its verdict; the kept ones first, the one with most parameters in front.

    A source is rejected only where even its smallest variant surely misses an absolute limit, or where
    training it surely exceeds this machine's memory. Where that rejects all, the one that misses the budget
    by least is kept, so that the nearest point can be shown. That more parameters are better is assumed.

    Raises:
        UsageError: no source is left; the message carries the first reason.
    """
    named = list(_named(settings, language))
    judge = partial(
        filter_candidates,
        workload=Workload(batch=settings.batch, seq=settings.seq or seq),
        device=device,
        task=settings.task,
        shrinking=Shrinking(layers=1),
        training=Workload(mode="train", batch=settings.train.batch_size, seq=seq),
    )
    budget = Budget.parse(settings.budget)
    kept, rejected = judge([spec for _, spec in named], budget=budget)
    reason = ""
    if not kept:
        limits = {constraint.name for constraint in budget.constraints}
        over = [r for r in rejected if r.excess is not None and r.constraint in limits]
        over.sort(key=lambda r: r.excess or 0.0)
        kept = judge([r.spec for r in over], budget=Budget.parse(""))[0][:1]
        reason = next((f"nearest, though {r.reason}" for r in over if kept and r.spec is kept[0].spec), "")
        rejected = [r for r in rejected if not kept or r.spec is not kept[0].spec]
    names = {id(spec): name for name, spec in named}
    rows = [
        Considered(name=names[id(k.spec)], spec=k.spec, estimate=k.estimate, reason=reason, kept=True)
        for k in kept
    ]
    rows.sort(key=lambda row: -row.spec.parameters)
    rows += [_as_row(r, names[id(r.spec)]) for r in rejected]
    if not kept:
        first = rejected[0].reason if rejected else "nothing to consider"
        raise UsageError(
            f"no model is left to start from: {first}",
            mend="Name others with --model, or relax the budget.",
        )
    return rows


def _as_row(rejected: Rejected, name: str) -> Considered:
    return Considered(name=name, spec=rejected.spec, estimate=None, reason=rejected.reason, kept=False)


def _named(settings: FitSettings, language: str) -> list[tuple[str, ModelSpec]]:
    if settings.models:
        return [(name, _spec(name)) for name in settings.models]
    encoders = [
        spec for spec in load_all()
        if spec.kind == "encoder" and settings.task in spec.tasks and language in (*spec.languages, "unknown")
    ]  # fmt: skip
    here = [(spec.id, spec) for spec in encoders if cached_folder(spec.id) is not None]
    if here:
        return here
    return [(name, find(name)) for name in SHORTLIST.get(language, SHORTLIST["other"])]


def _spec(name: str) -> ModelSpec:
    path = Path(name).expanduser()
    if path.is_dir():
        return read_model_directory(path)
    try:
        return find(name)
    except UnknownModelError:
        if name.count("/") != 1 or name.startswith((".", "/", "~")):
            raise
        from fitwright.modeling.sources import resolve_source  # only the Hub knows it: fetch, then read

        return read_model_directory(resolve_source(name))
