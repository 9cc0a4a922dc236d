"""What a dataset looks like before anything is trained on it, and what to watch out for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fitwright.data.content import normalised
from fitwright.data.dataset import DataSource, LabelledText
from fitwright.data.language import CJK, guess_language, script_shares
from fitwright.data.splitting import PARTS, Splits
from fitwright.data.tokens import TextTokenizer
from fitwright.data.warning_rules import warnings_of

_SAMPLE = 5000


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """A class, its rows, and its share of all rows."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Quantiles of a length."""

    minimum: int
    p5: float
    p50: float
    p95: float
    maximum: int
    mean: float


@dataclass(frozen=True, kw_only=True)
class DataProfile:
    """A dataset in numbers.

    Attributes:
        rows: of the whole dataset; ``parts`` by split part.
        dropped: rows left out on reading.
        classes: in the order of the class indices.
        characters: lengths in characters; ``tokens``: uncut, special ones included,
            ``None`` without a tokenizer.
        max_length: tokens a row is cut at; ``cut_share`` is the share of rows that loses text; else ``None``.
        duplicates: rows beyond the first of the same normalised text.
        conflicts: rows whose normalised text also occurs with another label.
        language: ``en``, ``zh``, ``ja``, ``ko`` or ``unknown``, a guess; ``cjk_share`` of the letters.
        majority_accuracy: on the test part, by always answering the commonest class of the training part.
        warnings: one sentence each.
    """

    rows: int
    parts: dict[str, int]
    dropped: int
    classes: tuple[ClassCount, ...]
    characters: Lengths
    tokens: Lengths | None
    max_length: int | None
    cut_share: float | None
    duplicates: int
    conflicts: int
    language: str
    cjk_share: float
    majority_accuracy: float
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values under the attribute names."""
        plain = asdict(self)
        plain["classes"] = list(plain["classes"])
        plain["warnings"] = list(self.warnings)
        return plain

    def lines(self) -> list[str]:
        """Aligned text lines, the warnings last."""
        parts = ", ".join(f"{part} {rows:,}" for part, rows in self.parts.items())
        shown = ", ".join(f"{c.name} {c.share:.1%}" for c in self.classes[:8])
        more = f", and {len(self.classes) - 8} more" if len(self.classes) > 8 else ""
        table = [
            ("rows", f"{self.rows:,} ({parts})"),
            ("classes", f"{len(self.classes)}: {shown}{more}"),
            ("characters", length_text(self.characters)),
            ("language", f"{self.language} (guess; {self.cjk_share:.0%} of the letters are CJK)"),
            ("duplicates", f"{self.duplicates:,} rows, {self.conflicts:,} with conflicting labels"),
            ("baseline", f"{self.majority_accuracy:.1%} accuracy by always answering the commonest class"),
        ]
        if self.tokens is not None:
            cut = f"; {self.cut_share:.1%} of the rows are cut at {self.max_length}"
            table.insert(3, ("tokens", length_text(self.tokens) + cut))
        return [f"{name:<11}{value}" for name, value in table] + [f"warning: {w}" for w in self.warnings]


def profile(
    dataset: LabelledText,
    splits: Splits,
    tokenizer: TextTokenizer | None = None,
    source: DataSource | None = None,
) -> DataProfile:
    """Profile a dataset.

    Args:
        dataset: all rows.
        splits: its split.
        tokenizer: adds token lengths, from at most 5,000 evenly spaced rows.
        source: adds the rows that were dropped on reading.
    """
    sample = evenly_spaced(dataset.texts)
    tokens = tokenizer.lengths(sample) if tokenizer is not None else None
    duplicates, conflicts = _duplicates(dataset)
    scripts = script_shares(sample)
    found = DataProfile(
        rows=len(dataset),
        parts={part: len(splits.indices[part]) for part in PARTS},
        dropped=source.dropped if source is not None else 0,
        classes=_class_counts(dataset),
        characters=lengths_of([len(text) for text in dataset.texts]),
        tokens=lengths_of(tokens) if tokens is not None else None,
        max_length=tokenizer.max_length if tokenizer is not None else None,
        cut_share=share_above(tokens, tokenizer.max_length) if tokens and tokenizer else None,
        duplicates=duplicates,
        conflicts=conflicts,
        language=guess_language(sample),
        cjk_share=sum(scripts.get(script, 0.0) for script in CJK),
        majority_accuracy=_majority_accuracy(splits),
    )
    return replace(found, warnings=warnings_of(found))


def evenly_spaced(texts: Sequence[str]) -> list[str]:
    """At most 5,000 of the texts."""
    step = max(1, -(-len(texts) // _SAMPLE))
    return list(texts[::step])


def _class_counts(dataset: LabelledText) -> tuple[ClassCount, ...]:
    counts = Counter(dataset.labels)
    return tuple(
        ClassCount(name=name, rows=counts[index], share=counts[index] / max(1, len(dataset)))
        for index, name in enumerate(dataset.names)
    )


def lengths_of(values: Sequence[int]) -> Lengths:
    """The quantiles of at least one length."""
    p5, p50, p95 = np.quantile(values, [0.05, 0.5, 0.95])
    return Lengths(
        minimum=min(values), p5=float(p5), p50=float(p50), p95=float(p95), maximum=max(values),
        mean=float(np.mean(values)),
    )  # fmt: skip


def length_text(lengths: Lengths) -> str:
    """Median, 95th percentile and maximum."""
    return f"median {lengths.p50:,.0f}, p95 {lengths.p95:,.0f}, longest {lengths.maximum:,}"


def share_above(values: Sequence[int], limit: int) -> float:
    """Share of the values above ``limit``."""
    return sum(value > limit for value in values) / len(values)


def _duplicates(dataset: LabelledText) -> tuple[int, int]:
    labels_of: dict[str, Counter[int]] = defaultdict(Counter)
    for text, label in zip(dataset.texts, dataset.labels, strict=True):
        labels_of[normalised(text)][label] += 1
    conflicts = sum(counts.total() for counts in labels_of.values() if len(counts) > 1)
    return len(dataset) - len(labels_of), conflicts


def _majority_accuracy(splits: Splits) -> float:
    commonest = Counter(splits.train.labels).most_common(1)[0][0]
    return splits.test.labels.count(commonest) / len(splits.test)
