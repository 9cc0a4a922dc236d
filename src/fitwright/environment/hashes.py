"""SHA-256 of the files that pip would install, asked of the package sources that pip is set to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from fitwright.environment.installed import canonical

_NOT_THERE = re.compile(r"No matching distribution found for ([A-Za-z0-9._-]+)==")
_LONGEST_S = 900


@dataclass(frozen=True, kw_only=True)
class Hashes:
    """``found``: name → SHA-256 (hexadecimal); ``problem``: why some or all are missing, one line."""

    found: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def ask_hashes(pins: Iterable[tuple[str, str]]) -> Hashes:
    """Hashes of (name, version) pins, for this platform and Python.

    Uses pip's installation report (a dry run, nothing is installed), so mirrors and private sources that
    pip is configured with are respected. A pin that no source has is left out; without a network, all are.
    """
    wanted = dict(pins)
    absent: list[str] = []
    while wanted:
        report, complaint = _dry_run([f"{name}=={version}" for name, version in wanted.items()])
        if report is not None:
            problem = f"no package source has {', '.join(absent)}" if absent else None
            return Hashes(found=_read(report), problem=problem)
        gone = {canonical(name) for name in _NOT_THERE.findall(complaint)} & set(wanted)
        if not gone or len(absent) >= 20 or _looks_offline(complaint):
            return Hashes(problem=_last_line(complaint))
        absent += sorted(gone)
        wanted = {name: version for name, version in wanted.items() if name not in gone}
    return Hashes(problem="no package source has any of them")


def _dry_run(pins: list[str]) -> tuple[str | None, str]:
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet",
        "--no-input", "--disable-pip-version-check", "--retries", "1", "--report", "-", *pins,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        return None, f"pip did not answer within {_LONGEST_S} s"
    return (done.stdout, "") if done.returncode == 0 else (None, done.stderr)


def _read(report: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in json.loads(report)["install"]:
        hashes = item.get("download_info", {}).get("archive_info", {}).get("hashes", {})
        if "sha256" in hashes:
            found[canonical(item["metadata"]["name"])] = hashes["sha256"]
    return found


def _looks_offline(complaint: str) -> bool:
    """pip says "no matching distribution" without a network as well, after its connection warnings."""
    return "from versions: none" in complaint and "connection" in complaint.lower()


def _last_line(complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    if _looks_offline(complaint):
        return "no package source answered"
    return lines[-1][:200] if lines else "pip failed without a word"
