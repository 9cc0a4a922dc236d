"""Reads the code blocks of a Markdown page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<language>[\w-]*)\s*$")
_SKIP = re.compile(r"<!--\s*skip:?(?P<reason>.*?)-->")
RUN = ("bash", "python")


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """A block: its page, the line of its fence (from 1), its language, its text, and why it is not run.

    ``skip`` is ``None`` for a block that is run, and the reason (perhaps empty) for one that is not.
    """

    page: str
    line: int
    language: str
    code: str
    skip: str | None = None

    @property
    def name(self) -> str:
        return f"{self.page}:L{self.line}"


def read_snippets(text: str, page: str) -> list[Snippet]:
    """Every fenced block of a page, in order; ``<!-- skip: reason -->`` on the line above stops it."""
    found: list[Snippet] = []
    lines = text.splitlines()
    position = 0
    while position < len(lines):
        opening = _FENCE.match(lines[position])
        if opening is None:
            position += 1
            continue
        end = position + 1
        while end < len(lines) and lines[end].strip() != opening["fence"]:
            end += 1
        above = _SKIP.search(lines[position - 1]) if position else None
        body = [line.removeprefix(opening["indent"]) for line in lines[position + 1 : end]]
        found.append(
            Snippet(
                page=page,
                line=position + 1,
                language=opening["language"],
                code="\n".join(body) + "\n",
                skip=above["reason"].strip() if above else None,
            )
        )
        position = end + 1
    return found


def pages(root: Path) -> list[Path]:
    """The pages whose snippets are run."""
    return [
        p
        for p in (root / "README.md", root / "README.zh-CN.md", *sorted((root / "docs").glob("*.md")))
        if p.is_file()
    ]


def all_snippets(root: Path) -> list[Snippet]:
    """The snippets of all pages."""
    return [
        snippet
        for path in pages(root)
        for snippet in read_snippets(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]
