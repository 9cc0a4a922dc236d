"""``environment.lock``: the exact packages of an environment, as a requirements file that pip installs.

torch (with the GPU libraries that come with it) and packages from a folder stand apart in comments that
begin with ``#:``, because no package source can give the same file everywhere. ``compare`` reads them too.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import write_text
from fitwright.environment.hashes import Hashes, ask_hashes
from fitwright.environment.installed import Installed, canonical, closure, installed

_WITH_TORCH = re.compile(r"^(torch|triton|pytorch-triton|nvidia-.*|cuda-.*)$")
_TOOLS = frozenset({"pip"})
_PIN = re.compile(
    r"^(?P<apart>#: )?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^\s;\\(]+)(?P<rest>.*)$"
)


@dataclass(frozen=True, kw_only=True)
class Lock:
    """A written lock: its file, how many packages it pins, which of them have no hash, and why."""

    path: Path
    packages: int
    hashed: int
    without_hash: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    warning: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One package that is not as locked. ``installed`` is ``None`` where it is missing."""

    name: str
    locked: str
    installed: str | None

    def line(self) -> str:
        return f"{self.name}: locked {self.locked}, installed {self.installed or 'not at all'}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A lock against the present environment. Packages that the lock does not name are no difference."""

    differences: tuple[Difference, ...]
    agreed: int
    not_in_lock: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {"same": self.same, **asdict(self)}


def capture_installed(closure_of: Iterable[str] | None = None) -> dict[str, Installed]:
    """The installed packages by name; with ``closure_of``, only what those need. No network, no imports."""
    everything = installed()
    chosen = everything if closure_of is None else closure(closure_of, everything)
    return {name: package for name, package in chosen.items() if name not in _TOOLS}


def lock_text(
    packages: dict[str, Installed] | None = None,
    *,
    closure_of: Iterable[str] | None = ("fitwright",),
    hashes: Hashes | None = None,
) -> str:
    """The lock as text. Without ``hashes`` it holds versions only and needs no network: made in an instant.

    Args:
        packages: what to lock; by default what is installed and ``closure_of`` needs.
        closure_of: root packages; ``None`` for everything installed. Ignored when ``packages`` is given.
        hashes: from :func:`ask_hashes`.
    """
    packages = capture_installed(closure_of) if packages is None else packages
    known = hashes.found if hashes else {}
    pins = pinned(packages)
    lines = _header(pins, hashes, packages)
    for name, package in pins.items():
        pin = f"{name}=={package.version}"
        lines.append(f"{pin} \\\n    --hash=sha256:{known[name]}" if name in known else pin)
    return "\n".join(lines) + "\n"


def pinned(packages: dict[str, Installed]) -> dict[str, Installed]:
    """Those that a package source can give: neither torch's own nor from a folder or an address."""
    return {n: p for n, p in packages.items() if p.source == "index" and not _WITH_TORCH.match(n)}


def _header(pins: dict[str, Installed], hashes: Hashes | None, packages: dict[str, Installed]) -> list[str]:
    apart = [package for name, package in packages.items() if name not in pins]
    missing = [name for name in pins if hashes is None or name not in hashes.found]
    flag = "" if missing else " --require-hashes"
    torch = packages.get("torch")
    lines = ["# The exact packages of an environment, written by fitwright. To rebuild it:"]
    if torch is not None:
        lines.append(f"#   pip install --no-deps torch=={torch.version.partition('+')[0]}")
    lines += [
        f"#   pip install --no-deps{flag} -r environment.lock",
        f"# Hashes: {_hash_note(len(pins), missing, hashes)}",
        f"# System: {platform.system()} {platform.machine()}",
        "# Apart, because their files differ by platform or come from a folder:",
        f"#: python=={platform.python_version()}",
        *(_apart_line(package) for package in apart),
        "",
    ]
    return lines


def _hash_note(pins: int, missing: list[str], hashes: Hashes | None) -> str:
    if hashes is None:
        return "none, versions only."
    reason = f" ({hashes.problem})" if hashes.problem else ""
    if len(missing) == pins:
        return f"none{reason}."
    return f"all but {', '.join(missing)}{reason}." if missing else "all, of the files for this system."


def _apart_line(package: Installed) -> str:
    notes = (
        [] if package.source == "index" else [f"from a {'folder' if package.source == 'folder' else 'file'}"]
    )
    if package.commit:
        notes.append(f"commit {package.commit}")
    return f"#: {package.name}=={package.version}" + (f" ({', '.join(notes)})" if notes else "")


def write_lock(path: Path, *, closure_of: Iterable[str] | None = None, with_hashes: bool = True) -> Lock:
    """Write the present environment to ``path``.

    Args:
        path: the file; its folder is made.
        closure_of: lock only what those packages need; by default everything installed.
        with_hashes: ask pip's package sources for hashes. Without a network the lock is written all the same,
            without hashes, and says so.

    Raises:
        RunError: the disk is full or the folder may not be written.
    """
    packages = capture_installed(closure_of)
    pins = pinned(packages)
    hashes = ask_hashes((n, p.version) for n, p in pins.items()) if with_hashes else None
    write_text(path, lock_text(packages, hashes=hashes))
    missing = tuple(name for name in pins if hashes is None or name not in hashes.found)
    return Lock(
        path=path,
        packages=len(pins),
        hashed=len(pins) - len(missing),
        without_hash=missing,
        apart=tuple(name for name in packages if name not in pins),
        warning=hashes.problem if hashes else None,
    )


def read_lock(path: Path) -> dict[str, str]:
    """Name → version of every pin that holds on this system (markers evaluated), ``#:`` lines too."""
    from packaging.markers import InvalidMarker, Marker

    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError("lock file not found", got=str(path)) from None
    except UnicodeDecodeError:
        raise UsageError("not a lock file: it is not UTF-8 text", got=str(path)) from None
    pins: dict[str, str] = {}
    for match in filter(None, map(_PIN.match, text.splitlines())):
        marker = match["rest"].partition(";")[2].strip(" \\") if not match["apart"] else ""
        try:
            if marker and not Marker(marker).evaluate():
                continue
        except InvalidMarker:
            raise UsageError("a marker of the lock file cannot be read", got=marker) from None
        pins[canonical(match["name"])] = match["version"]
    if not pins:
        raise UsageError(
            "not a lock file: no line pins a package", got=str(path), allowed="lines such as numpy==2.4.6"
        )
    return pins


def compare_with_lock(path: Path) -> Comparison:
    """Hold the present environment against a lock. Of Python only the minor version counts, and builds of one
    version (``2.13.0+cpu``, ``2.13.0``) agree where the lock leaves the build open.
    """
    pins = read_lock(path)
    present = {name: package.version for name, package in capture_installed().items()}
    present["python"] = platform.python_version()
    different = tuple(
        Difference(name=name, locked=version, installed=present.get(name))
        for name, version in pins.items()
        if not _agree(name, version, present.get(name))
    )
    extra = tuple(name for name in present if name not in pins and name != "python")
    return Comparison(differences=different, agreed=len(pins) - len(different), not_in_lock=extra)


def _agree(name: str, locked: str, present: str | None) -> bool:
    if present is None:
        return False
    if name == "python":
        return locked.split(".")[:2] == present.split(".")[:2]
    if "+" not in locked or _WITH_TORCH.match(name):
        return locked.partition("+")[0] == present.partition("+")[0]
    return locked == present
