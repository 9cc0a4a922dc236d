"""Published quality figures: what was read where, and which benchmark speaks for a task and a language."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError

_DATA = Path(__file__).with_name("data")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One published figure.

    Attributes:
        model: catalogue id.
        benchmark: id of the benchmark, the only one that this figure may be compared within.
        value: in per cent of the metric, or the benchmark's own points.
        split: ``dev``, ``test`` or ``validation``.
        source, url, read_on: where it was read, and when (ISO date).
        note: how it was made, where that matters for comparing.
    """

    model: str
    task: str
    benchmark: str
    metric: str
    value: float
    split: str
    source: str
    url: str
    read_on: str
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What figures are compared within.

    Attributes:
        measures: metric and data, in words.
        tasks: that it speaks for.
        languages: codes; empty where language plays no part.
        note: how far its figures compare with each other.
    """

    id: str
    title: str
    measures: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    metric: str
    higher_is_better: bool
    note: str

    def speaks_for(self, task: str, language: str | None) -> bool:
        """Whether it is about ``task`` and ``language`` (``None``: any)."""
        if task not in self.tasks:
            return False
        if language is None or not self.languages or language in self.languages:
            return True
        return "multilingual" in self.languages

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@lru_cache(maxsize=1)
def load_benchmarks() -> tuple[Benchmark, ...]:
    """Every benchmark that figures are kept of."""
    rows = json.loads((_DATA / "benchmarks.json").read_text(encoding="utf-8"))
    return tuple(
        Benchmark(**{**row, "tasks": tuple(row["tasks"]), "languages": tuple(row["languages"])})
        for row in rows
    )


@lru_cache(maxsize=1)
def load_figures() -> tuple[Figure, ...]:
    """Every figure, in the file's order."""
    lines = (_DATA / "quality.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Figure(**json.loads(line)) for line in lines)


def figures_of(benchmark: Benchmark) -> Mapping[str, Figure]:
    """Model id → its figure on ``benchmark``."""
    return {figure.model: figure for figure in load_figures() if figure.benchmark == benchmark.id}


def choose_benchmark(
    task: str, language: str | None, candidates: Collection[str], *, asked: str | None = None
) -> Benchmark | None:
    """The benchmark for the task and language that has figures of most of ``candidates`` (model ids).

    ``asked`` decides instead where it is given. ``None``: no figure of any candidate was ever read. Of two
    with the same number the one listed first in ``benchmarks.json`` is taken.

    Raises:
        UsageError: ``asked`` is no benchmark for this task; lists those that are.
    """
    fitting = [found for found in load_benchmarks() if found.speaks_for(task, language)]
    if asked is not None:
        return _asked(asked, task, fitting)
    covered = {found.id: len(figures_of(found).keys() & set(candidates)) for found in fitting}
    best = max(fitting, key=lambda found: covered[found.id], default=None)
    return best if best is not None and covered[best.id] else None


def _asked(name: str, task: str, fitting: list[Benchmark]) -> Benchmark:
    for found in fitting:
        if name.strip().lower() in (found.id, found.title.lower()):
            return found
    allowed = ", ".join(found.id for found in fitting) or "none: no figure was read for it"
    raise UsageError(f"no such benchmark for {task}", got=name, allowed=allowed)
