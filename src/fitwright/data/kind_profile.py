"""What a dataset of any kind looks like before anything is trained on it, and what to watch out for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from fitwright.data.content import normalised
from fitwright.data.dataset import DataSource, LabelledText
from fitwright.data.facets import Facets, facets
from fitwright.data.interface import Dataset, RowSource
from fitwright.data.language import CJK, guess_language, script_shares
from fitwright.data.profile import (
    ClassCount,
    DataProfile,
    Lengths,
    evenly_spaced,
    length_text,
    lengths_of,
    profile,
    share_above,
)
from fitwright.data.splitting import PARTS, Splits
from fitwright.data.tokens import TextTokenizer
from fitwright.data.warning_rules import CUT_SHARE, DUPLICATE_SHARE, about_classes

FEW_TEST_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class KindProfile:
    """A dataset of any kind in numbers.

    Attributes:
        kind: of data, as its source names it; empty without a source.
        rows: of the whole dataset; ``parts`` by split part.
        left_out: reason → rows left out on reading.
        classes: in the order of the class indices; ``counted`` says what of: ``rows`` or ``tokens``.
        characters: name of a text → its lengths.
        tokens: of what a model reads in one go, uncut; ``None`` without a tokenizer or a text.
        max_length: tokens a row is cut at; ``cut_share`` is the share of longer rows; else ``None``.
        duplicates: rows that repeat an earlier row as a whole.
        shared: name of a text → rows of the validation and test parts where it also stands in the training
            part, although their keys do not.
        language: a guess; ``None`` without texts; ``cjk_share`` of the letters.
        figures: what else the kind has to say.
        warnings: one sentence each.
    """

    kind: str
    rows: int
    parts: dict[str, int]
    left_out: dict[str, int]
    classes: tuple[ClassCount, ...]
    counted: str
    characters: dict[str, Lengths]
    tokens: Lengths | None
    max_length: int | None
    cut_share: float | None
    duplicates: int
    shared: dict[str, int]
    language: str | None
    cjk_share: float
    figures: dict[str, str]
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values under the attribute names."""
        plain = asdict(self)
        plain["classes"], plain["warnings"] = list(plain["classes"]), list(self.warnings)
        return plain

    def lines(self) -> list[str]:
        """Aligned text lines, the warnings last."""
        parts = ", ".join(f"{part} {rows:,}" for part, rows in self.parts.items())
        table = [("rows", f"{self.rows:,} ({parts})")]
        if self.classes:
            shown = ", ".join(f"{c.name} {c.share:.1%}" for c in self.classes[:8])
            more = f", and {len(self.classes) - 8} more" if len(self.classes) > 8 else ""
            of = "" if self.counted == "rows" else f" of the {self.counted}"
            table.append(("classes", f"{len(self.classes)}: {shown}{more}{of}"))
        table += self.figures.items()
        table += [(name, f"{length_text(lengths)} characters") for name, lengths in self.characters.items()]
        if self.tokens is not None:
            cut = f"; {self.cut_share:.1%} of the rows are longer than {self.max_length}"
            table.append(("tokens", length_text(self.tokens) + cut))
        if self.language is not None:
            table.append(
                ("language", f"{self.language} (guess; {self.cjk_share:.0%} of the letters are CJK)")
            )
        table.append(("duplicates", f"{self.duplicates:,} rows"))
        width = max(10, *(len(name) for name, _ in table)) + 1
        return [f"{name:<{width}}{value}" for name, value in table] + [f"warning: {w}" for w in self.warnings]


def profile_of(
    dataset: Dataset,
    splits: Splits[Any],
    tokenizer: TextTokenizer | None = None,
    source: DataSource | RowSource | None = None,
) -> DataProfile | KindProfile:
    """Profile a dataset of any kind; single texts with a class get their own, richer profile.

    Args:
        dataset: all rows.
        splits: its split.
        tokenizer: adds token lengths, from at most 5,000 evenly spaced rows.
        source: adds its kind, the rows that were left out on reading, and its notes.
    """
    if isinstance(dataset, LabelledText) and dataset.pairs is None:
        return profile(dataset, splits, tokenizer, source if isinstance(source, DataSource) else None)
    found = facets(dataset)
    total = max(1, sum(found.classes.values()) if found.counted != "rows" else len(dataset))
    tokens = _token_lengths(found, tokenizer)
    sample = evenly_spaced(next(iter(found.texts.values()), []))
    scripts = script_shares(sample)
    made = KindProfile(
        kind=source.kind if isinstance(source, RowSource) else "",
        rows=len(dataset),
        parts={part: len(splits.indices[part]) for part in PARTS},
        left_out=_left_out(source),
        classes=tuple(ClassCount(name=n, rows=rows, share=rows / total) for n, rows in found.classes.items()),
        counted=found.counted,
        characters={name: lengths_of([len(t) for t in texts]) for name, texts in found.texts.items()},
        tokens=lengths_of(tokens) if tokens else None,
        max_length=tokenizer.max_length if tokenizer is not None else None,
        cut_share=share_above(tokens, tokenizer.max_length) if tokens and tokenizer else None,
        duplicates=len(found.rows) - len(set(found.rows)),
        shared=_shared(found, splits),
        language=guess_language(sample) if sample else None,
        cjk_share=sum(scripts.get(script, 0.0) for script in CJK),
        figures=found.figures,
    )
    notes = source.notes if isinstance(source, RowSource) else ()
    return replace(made, warnings=(*found.warnings, *notes, *_warnings(made)))


def _left_out(source: DataSource | RowSource | None) -> dict[str, int]:
    if isinstance(source, RowSource):
        return dict(source.left_out)
    return {"no text or label": source.dropped} if source is not None and source.dropped else {}


def _token_lengths(found: Facets, tokenizer: TextTokenizer | None) -> list[int]:
    """Tokens of what a model reads in one go, row by row: the sum over the parts."""
    columns = [evenly_spaced(found.texts[name]) for name in found.inputs if name in found.texts]
    if tokenizer is None or not columns:
        return []
    return [sum(row) for row in zip(*(tokenizer.lengths(column) for column in columns), strict=True)]


def _shared(found: Facets, splits: Splits[Any]) -> dict[str, int]:
    counts = {}
    for name, texts in found.others.items():
        learned = {normalised(texts[i]) for i in splits.indices["train"]}
        held_out = (*splits.indices["validation"], *splits.indices["test"])
        counts[name] = sum(normalised(texts[i]) in learned for i in held_out)
    return {name: count for name, count in counts.items() if count}


def _warnings(profile: KindProfile) -> Iterator[str]:
    if profile.counted == "rows":
        yield from about_classes(profile.classes)
    for reason, rows in profile.left_out.items():
        yield f"{rows:,} rows with {reason} were left out"
    share = profile.duplicates / max(1, profile.rows)
    if share > DUPLICATE_SHARE:
        yield f"{share:.0%} of the rows repeat an earlier row; copies stay in one part together"
    held_out = profile.parts["validation"] + profile.parts["test"]
    for name, rows in profile.shared.items():
        yield (
            f"the {name} of {rows:,} of the {held_out:,} validation and test rows also stands in the "
            "training part, beside another key; scores may read too high"
        )
    if profile.parts["test"] < FEW_TEST_ROWS:
        yield f"{profile.parts['test']:,} test rows are few; scores will be rough"
    if profile.cut_share is not None and profile.cut_share > CUT_SHARE:
        yield f"{profile.cut_share:.0%} of the rows are longer than {profile.max_length} tokens"
