"""The ledger's file: one JSON object a line in the user's own folder; nothing leaves the machine.

Several processes may append at once. A line that a crash tore is skipped and counted, never repaired by
guessing; a line of another schema likewise.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fitwright.core.errors import FitwrightError, RunError, UsageError
from fitwright.core.files import plain_os_errors, write_bytes
from fitwright.core.home import home
from fitwright.sizing.ledger.entry import SCHEMA, Entry

FILE_NAME, LOCK_NAME = "ledger.jsonl", "ledger.lock"
_LOCK_WAIT_S, _LOCK_STEP_S = 5.0, 0.02
_PRIVATE = 0o600
_warned: set[Path] = set()


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What was read.

    Attributes:
        path: the file, which may not exist.
        entries: oldest first.
        damaged: lines that are no entry, such as one that a crash tore.
        unknown: lines of another schema, written by another version.
    """

    path: Path
    entries: tuple[Entry, ...] = ()
    damaged: int = 0
    unknown: int = 0

    def skipped(self) -> str:
        """One line about what could not be used; empty where everything could."""
        parts = [
            f"{count} {'line' if count == 1 else 'lines'} {what}"
            for count, what in (
                (self.damaged, "damaged"),
                (self.unknown, "written by another version of fitwright"),
            )
            if count
        ]
        return f"skipped in {self.path}: {' and '.join(parts)}" if parts else ""


def ledger_path() -> Path:
    """``ledger.jsonl`` in the user's Fitwright folder (``$FITWRIGHT_HOME`` moves it)."""
    return home() / FILE_NAME


def utc_now() -> str:
    """The present moment as an entry writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(path: Path | None = None, *, last_bytes: int | None = None) -> Ledger:
    """Every entry of the ledger; one that does not exist is empty.

    Args:
        path: the file; the user's own by default.
        last_bytes: read only so much of the end.

    Raises:
        RunError: it is there and cannot be read.
    """
    path = path or ledger_path()
    entries: list[Entry] = []
    damaged = unknown = 0
    for line in _lines(path, last_bytes):
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise TypeError
            if data.get("schema") != SCHEMA:
                unknown += 1
                continue
            entries.append(Entry.from_json(data))
        except (ValueError, TypeError, KeyError, UsageError):
            damaged += 1
    return Ledger(path=path, entries=tuple(entries), damaged=damaged, unknown=unknown)


def append(entries: Sequence[Entry], path: Path | None = None) -> None:
    """Add entries at the end: whole lines in one write, on disk when this returns.

    Raises:
        RunError: the disk is full, the folder is read-only, or another process holds the ledger.
    """
    if not entries:
        return
    path = path or ledger_path()
    text = "".join(json.dumps(e.as_json(), ensure_ascii=False, allow_nan=False) + "\n" for e in entries)
    with plain_os_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            _write_at_end(path, text.encode("utf-8"))


def keep(entries: Sequence[Entry], say: Callable[[str], None], path: Path | None = None) -> bool:
    """:func:`append` that never fails the work it belongs to: says once a process what went wrong.

    Returns:
        Whether the entries were kept.
    """
    path = path or ledger_path()
    try:
        append(entries, path)
    except (FitwrightError, OSError, ValueError) as error:
        if path not in _warned:
            _warned.add(path)
            say(f"warning: the ledger of estimates was not written: {error}")
        return False
    return True


def clear(chosen: Callable[[Entry], bool], path: Path | None = None) -> int:
    """Remove the entries that ``chosen`` picks; everything else, what is unreadable too, stays as it is.

    Returns:
        How many were removed.

    Raises:
        RunError: the file cannot be written, or another process holds it.
    """
    path = path or ledger_path()
    if not path.is_file():
        return 0
    removed, kept = 0, list[bytes]()
    with plain_os_errors("write", path), _locked(path):
        for line in _lines(path, None):
            if _is_chosen(line, chosen):
                removed += 1
            else:
                kept.append(line)
        if removed:
            write_bytes(path, b"".join(line + b"\n" for line in kept))
            path.chmod(_PRIVATE)
    return removed


def _is_chosen(line: bytes, chosen: Callable[[Entry], bool]) -> bool:
    try:
        data = json.loads(line)
        return data["schema"] == SCHEMA and chosen(Entry.from_json(data))
    except (ValueError, TypeError, KeyError, AttributeError, UsageError):
        return False


def _lines(path: Path, last_bytes: int | None) -> list[bytes]:
    """Lines that hold something, without their ends; nothing where the file does not exist."""
    try:
        with path.open("rb") as file:
            skipped = 0
            if last_bytes is not None:
                skipped = max(0, file.seek(0, os.SEEK_END) - last_bytes)
                file.seek(skipped)
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"cannot read the ledger {path}: {error.strerror}") from error
    return [line for line in lines[1 if skipped else 0 :] if line.strip()]


def _write_at_end(path: Path, content: bytes) -> None:
    """Append ``content`` whole or not at all; a torn line before it is closed first."""
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            path.chmod(_PRIVATE)  # names of private models stand in it
        else:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                content = b"\n" + content
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) or 0 :]
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the ledger for this process; others wait a few seconds for it."""
    try:
        import fcntl
    except ImportError:  # not on Windows: no lock there
        yield
        return
    with path.with_name(LOCK_NAME).open("a") as file:
        deadline = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise RunError(
                        f"another process holds the ledger {path}", mend="Try again when it has ended."
                    ) from None
                time.sleep(_LOCK_STEP_S)
        yield
