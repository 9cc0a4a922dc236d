"""Sequence to sequence: a text and the text to make of it (translation, summary, correction)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitwright.core.errors import DataError
from fitwright.data.content import fingerprint_of, normalised
from fitwright.data.interface import RowSource
from fitwright.data.reading import read_table
from fitwright.data.roles import Role, complete_rows, find_columns
from fitwright.data.table import Table
from fitwright.data.values import text_at

KIND = "source-target"
ROLES = (
    Role(
        name="source",
        usual=(("source", "src", "原文", "源文"),
               ("text", "document", "article", "dialogue", "input", "body", "content",
                "文本", "文章", "正文")),
    ),
    Role(
        name="target",
        usual=(("target", "tgt", "译文", "目标"),
               ("summary", "highlights", "abstract", "headline", "title", "output", "translation",
                "correction", "摘要", "标题", "翻译")),
    ),
)  # fmt: skip
_LANGUAGES = frozenset((
    "en", "zh", "de", "fr", "es", "it", "pt", "nl", "ru", "ja", "ko", "ar", "hi", "tr", "pl", "cs", "ro",
    "fi", "uk", "vi", "zh-cn", "zh_cn", "zh-tw", "zh_tw", "english", "chinese", "英文", "中文", "英语",
    "汉语",
))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SourceTargets:
    """``targets[i]`` is what is to be made of ``sources[i]``."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.sources)

    def subset(self, indices: Iterable[int]) -> SourceTargets:
        """The rows at ``indices``, in that order."""
        chosen = tuple(indices)
        return SourceTargets(
            sources=tuple(self.sources[i] for i in chosen), targets=tuple(self.targets[i] for i in chosen)
        )

    def keys(self) -> tuple[str, ...]:
        """The normalised sources."""
        return tuple(normalised(text) for text in self.sources)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of sources and targets."""
        return fingerprint_of("source target 1", zip(self.sources, self.targets, strict=True))


def load_source_targets(
    path: Path, *, columns: Mapping[str, str] | None = None
) -> tuple[SourceTargets, RowSource]:
    """Read sources and targets.

    Args:
        path: a table. Where just two columns are called like languages (``en``, ``zh``), the first of them is
            the source.
        columns: role → column; ``translation.en`` names a key of the objects in ``translation``.

    Raises:
        DataError: unreadable file, unclear columns, a value that is no text.
    """
    table = read_table(Path(path))
    found = find_columns(table, ROLES, columns or _by_language(table))
    kept, left_out = complete_rows(table, found, ("source", "target"))
    dataset = SourceTargets(
        sources=tuple(text_at(table, found["source"], row) for row in kept),
        targets=tuple(text_at(table, found["target"], row) for row in kept),
    )
    same = sum(one == other for one, other in zip(dataset.sources, dataset.targets, strict=True))
    if same == len(dataset):
        raise DataError(
            f"every target of {path} is its source", got=", ".join(found.values()),
            mend="Choose other columns: --column source=NAME --column target=NAME",
        )  # fmt: skip
    return dataset, RowSource(
        path=Path(path), kind=KIND, columns=found, fingerprint=dataset.fingerprint, rows=len(dataset),
        left_out=left_out,
        notes=(f"targets that are equal to their source: {same:,}",) if same else (),
    )  # fmt: skip


def _by_language(table: Table) -> dict[str, str]:
    """The two columns that are called like languages, in the file's order, where there are just two."""
    found = [name for name in table.values if name.strip().casefold() in _LANGUAGES]
    return {"source": found[0], "target": found[1]} if len(found) == 2 else {}
