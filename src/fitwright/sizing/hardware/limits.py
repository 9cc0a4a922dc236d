"""What a container allows: cores and bytes of control groups, version 1 and 2, the tightest of all levels.

Source: the Linux kernel's documentation, admin-guide/cgroup-v2 (``cpu.max``, ``memory.max``,
``memory.current``, ``memory.stat``) and admin-guide/cgroup-v1 (``cpu.cfs_quota_us``,
``memory.limit_in_bytes``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_NO_LIMIT_BYTES = 2**60
"""Version 1 writes the largest multiple of a page for "no limit": 9223372036854771712 bytes."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may be used; ``None``: no limit.

    Attributes:
        cores: processor time, as a number of cores that need not be whole.
        memory_bytes: in total; ``memory_free_bytes``: what is not in use, reclaimable file cache counted as
            free.
    """

    cores: float | None = None
    memory_bytes: int | None = None
    memory_free_bytes: int | None = None


def read_limits(root: Path = ROOT, membership: Path = MEMBERSHIP) -> Limits:
    """The tightest limits on this process; unreadable files set none.

    Args:
        root: where control groups are mounted; ``membership``: which groups this process is in.
    """
    quotas = [quota for folder in _folders(root, membership, "cpu") if (quota := _quota(folder)) is not None]
    limits = [found for folder in _folders(root, membership, "memory") if (found := _memory(folder))]
    return Limits(
        cores=min(quotas, default=None),
        memory_bytes=min((limit for limit, _ in limits), default=None),
        memory_free_bytes=min((max(0, limit - used) for limit, used in limits), default=None),
    )


def _folders(root: Path, membership: Path, controller: str) -> Iterator[Path]:
    """The process's groups of both versions, from its own up to the root of each hierarchy."""
    groups = {"": "/", controller: "/"}
    try:
        for line in membership.read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            for name in controllers.split(","):
                if name in groups:
                    groups[name] = group
    except (OSError, ValueError):
        pass
    for base, group in (
        (root, groups[""]),
        (root / "unified", groups[""]),
        (root / controller, groups[controller]),
    ):
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts), -1, -1):
            yield base.joinpath(*parts[:depth])


def _quota(folder: Path) -> float | None:
    both = _text(folder / "cpu.max").split()
    if len(both) != 2:
        both = [_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")]
    try:
        quota, period = int(both[0]), int(both[1])
    except ValueError:  # "max", or no file
        return None
    return quota / period if quota > 0 and period > 0 else None


def _memory(folder: Path) -> tuple[int, int] | None:
    """(limit, in use without inactive file cache) in bytes, ``None`` without a limit."""
    for limit_name, used_name, cache_name in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        limit = _text(folder / limit_name)
        if not limit.isdigit() or int(limit) >= _NO_LIMIT_BYTES:
            continue
        used = _text(folder / used_name)
        cached = dict(line.partition(" ")[::2] for line in _text(folder / "memory.stat").splitlines())
        cache = cached.get(cache_name, "0").strip()
        return int(limit), max(0, int(used or 0) - int(cache))
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
