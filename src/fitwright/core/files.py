"""Files that are whole or absent: atomic writes, atomic directories, fingerprints, a folder lock.

A full disk or a read-only folder becomes a :class:`RunError`; a half-written file never has the final name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitwright.core.errors import RunError, UsageError

_PLAIN = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EFBIG: "the file is larger than this system allows",
    errno.EEXIST: "a file is in the way",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENAMETOOLONG: "the name is too long",
}


@contextlib.contextmanager
def plain_os_errors(doing: str, path: Path) -> Iterator[None]:
    """Turn the operating system's refusal inside the block into a one-line :class:`RunError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _PLAIN:
            raise
        raise RunError(
            f"cannot {doing} {path}: {_PLAIN[error.errno]}",
            mend="Free some space or choose another folder, then run the same command again.",
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write ``text`` (UTF-8) to ``path`` whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all: temporary file, fsync, rename."""
    with plain_os_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.chmod(0o644)
            draft.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON (sorted keys, UTF-8, no NaN) whole or not at all."""
    write_text(path, to_json(value) + "\n")


def to_json(value: Any) -> str:
    """Indented JSON with UTF-8 text; NaN and infinity are refused rather than written."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def read_json(path: Path, what: str = "JSON file") -> Any:
    """Read a JSON file; a missing or broken one is a :class:`UsageError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{what} not found", got=str(path)) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{what} cannot be read: {error}", got=str(path)) from None


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling folder that becomes ``path`` when the block ends well.

    An existing ``path`` is replaced only at that moment. When the block fails, nothing is left.
    """
    with plain_os_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        work.chmod(0o755)  # mkdtemp makes it for the owner alone
        try:
            yield work
            if path.exists():
                old = path.with_name(f".{path.name}.old-{os.getpid()}")
                path.replace(old)
                try:
                    work.replace(path)
                except BaseException:
                    old.replace(path)
                    raise
                shutil.rmtree(old, ignore_errors=True)
            else:
                work.replace(path)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON (sorted keys, no spaces), hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for this process; a second process gets a clear error instead of a mixed result."""
    with plain_os_errors("write", folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("a")
    try:
        try:
            import fcntl
        except ImportError:  # not on Windows: no lock there
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(
                f"another fitwright command is at work in {folder}",
                mend="Wait for it to end, or choose another --output.",
            ) from None
        yield
    finally:
        file.close()


def wait_for_lock(folder: Path, seconds: float = 30.0) -> None:
    """Wait until nobody holds ``folder``, so long at most: for one that takes over from a process that dies.

    Raises:
        RunError: it is still held.
    """
    deadline_s = time.monotonic() + seconds
    while folder.exists():
        try:
            with folder_lock(folder):
                return
        except RunError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.1)
