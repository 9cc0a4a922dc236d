"""What is installed: distributions, where they came from, and what needs what."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packaging.requirements import Requirement

EXTRAS = ("train", "serve", "openvino", "ray")
"""The extras of fitwright that a user installs; ``dev`` is the house's own."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """One installed distribution.

    Attributes:
        name: canonical (PEP 503) name.
        version: installed version, with its local part (``2.13.0+cpu``).
        requires: its requirement lines (PEP 508), markers included.
        source: ``index`` (a package source gave it), ``folder`` (a local or editable folder), ``direct``
            (one file or repository, named by address).
        commit: for a folder or a repository, the git commit; ends in ``-dirty`` with uncommitted changes.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    source: str = "index"
    commit: str | None = None


def canonical(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed() -> dict[str, Installed]:
    """Every distribution of this interpreter's environment by canonical name; the first on the path wins."""
    found: dict[str, Installed] = {}
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name and canonical(name) not in found:
            found[canonical(name)] = _describe(canonical(name), distribution)
    return dict(sorted(found.items()))


def _describe(name: str, distribution: importlib.metadata.Distribution) -> Installed:
    source, commit = "index", None
    if text := distribution.read_text("direct_url.json"):  # PEP 610
        source, commit = _origin(json.loads(text))
    return Installed(
        name=name,
        version=distribution.version,
        requires=tuple(distribution.requires or ()),
        source=source,
        commit=commit,
    )


def _origin(direct_url: dict[str, Any]) -> tuple[str, str | None]:
    if "dir_info" in direct_url:
        folder = urllib.request.url2pathname(urllib.parse.urlparse(direct_url["url"]).path)
        return "folder", git_commit(Path(folder))
    return "direct", direct_url.get("vcs_info", {}).get("commit_id")


def git_commit(folder: Path) -> str | None:
    """The commit a working tree stands at (``-dirty``: with uncommitted changes); ``None`` without git."""
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        return f"{commit}-dirty" if _git(folder, "status", "--porcelain") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def requirements(package: Installed, extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """The requirements of a distribution that hold here, with those of the ``extras`` asked for."""
    from packaging.requirements import InvalidRequirement, Requirement

    wanted = ("", *extras)
    for line in package.requires:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue  # very old metadata; pip ignores it too
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in wanted):
            yield requirement


def closure(
    roots: Iterable[str], everything: dict[str, Installed], extras: Iterable[str] = EXTRAS
) -> dict[str, Installed]:
    """The installed distributions that ``roots`` need, directly or not, the roots included.

    ``extras`` are followed for the roots; further down those that each requirement names.
    """
    extras = tuple(extras)
    todo = [(canonical(root), extra) for root in roots for extra in ("", *extras)]
    seen: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or name not in everything:
            continue
        seen.add((name, extra))
        for requirement in requirements(everything[name], (extra,)):
            todo += [(canonical(requirement.name), e) for e in ("", *requirement.extras)]
    return {name: everything[name] for name in sorted({name for name, _ in seen})}
