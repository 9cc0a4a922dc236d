"""Every snippet of README and docs runs as it stands there, in a copy of the workshop (``conftest.py``)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.snippets import RUN, Snippet, all_snippets, read_snippets

ROOT = Path(__file__).parents[2]
SNIPPETS = all_snippets(ROOT)
LONGEST_S = 120
LONG_PAGES = {
    "docs/compress.md", "docs/estimate.md", "docs/evaluate.md", "docs/export.md", "docs/profile.md",
    "docs/reproduce.md", "docs/train.md",
    "README.zh-CN.md",
}  # fmt: skip
"""Pages that train or measure for minutes and whose commands ``tests/cli`` runs too, or, of the Chinese
README, the English page: for ``make test-all``."""


def run(snippet: Snippet, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "default"}
    commands = {
        "bash": ["bash", "-euo", "pipefail", "-c", snippet.code],
        "python": [sys.executable, "-c", snippet.code],
    }
    return subprocess.run(
        commands[snippet.language],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )


@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param(s, id=s.name, marks=[pytest.mark.slow] if s.page in LONG_PAGES else [])
        for s in SNIPPETS if s.language in RUN and s.skip is None
    ],
)  # fmt: skip
def test_snippet(snippet: Snippet, page_folder: Callable[[str], Path]) -> None:
    done = run(snippet, page_folder(snippet.page))
    assert done.returncode == 0, (
        f"{snippet.name}\n{snippet.code}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )


def test_what_is_not_run_says_why() -> None:
    assert [s.name for s in SNIPPETS if s.skip == ""] == []


def test_every_block_names_its_language() -> None:
    assert [s.name for s in SNIPPETS if s.language == ""] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    absent = [
        p.name for p in (ROOT / "docs").glob("*.md") if p.name != "README.md" and f"({p.name})" not in index
    ]
    assert absent == []


PAGES = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").rglob("*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere_and_nothing_is_left_to_fill_in(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "@@" not in text
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    local = [t for t in targets if not t.startswith(("http:", "https:", "mailto:"))]
    assert [t for t in local if not (page.parent / t).exists()] == []


def test_blocks_are_found_with_line_language_and_reason() -> None:
    text = (
        "# T\n\n```bash\necho 1\n```\n<!-- skip: trains for an hour -->\n"
        "```python\nx = 1\n\ny = 2\n```\n```text\n```\n"
    )
    found = read_snippets(text, "page.md")
    assert [(s.name, s.language, s.skip) for s in found] == [
        ("page.md:L3", "bash", None),
        ("page.md:L7", "python", "trains for an hour"),
        ("page.md:L12", "text", None),
    ]
    assert found[1].code == "x = 1\n\ny = 2\n"


def test_a_broken_snippet_is_seen(tmp_path: Path) -> None:
    broken = Snippet(page="p", line=1, language="bash", code="false | cat\necho not reached\n")
    assert run(broken, tmp_path).returncode != 0
