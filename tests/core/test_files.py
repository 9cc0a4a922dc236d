"""Files are whole or absent, whatever goes wrong while they are written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fitwright.core import files
from fitwright.core.errors import RunError, UsageError


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def fails_with(number: int):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_json_is_written_as_people_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    files.write_json(path, {"正": [1, None]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"正": [1, None]}
    assert "正" in path.read_text(encoding="utf-8")
    assert path.read_text(encoding="utf-8").endswith("\n")
    assert path.stat().st_mode & 0o777 == 0o644
    assert names(path.parent) == ["a.json"]


def test_no_number_that_json_has_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", float("nan"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_refused_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails_with(number))
        with pytest.raises(RunError, match=r"cannot write .*a\.txt: the (disk|file)") as caught:
            files.write_text(path, "new")
    assert caught.value.exit_code == 3
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_another_os_error_is_not_dressed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails_with(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            files.write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == []


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from fitwright.core import files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "folder = Path(sys.argv[1])\n"
        "for write in (lambda: files.write_bytes(folder / 'a', b'x' * 5000), lambda: directory()):\n"
        "    def directory():\n"
        "        with files.new_directory(folder / 'd') as work:\n"
        "            (work / 'f').write_bytes(b'x' * 5000)\n"
        "    try: write()\n"
        "    except files.RunError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.count("cannot write") == 2
    assert names(tmp_path) == []


def test_a_directory_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with files.new_directory(target) as work:
        (work / "a").write_text("1")
        assert not target.exists()
    assert names(target) == ["a"]
    assert names(target.parent) == ["model"]
    assert target.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_directory_leaves_the_old_one(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("1")

    def fail() -> None:
        with files.new_directory(target) as work:
            (work / "half").write_text("2")
            raise error

    with pytest.raises(error):
        fail()
    assert names(target) == ["old"]
    assert names(tmp_path) == ["model"]


def test_interrupted_while_it_is_swapped_in_the_old_one_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("1")
    real = Path.replace

    def replace(self: Path, to: Path) -> Path:
        if Path(to) == target and not (self / "old").exists():
            raise KeyboardInterrupt
        return real(self, to)

    def swap() -> None:
        with files.new_directory(target) as work:
            (work / "new").write_text("2")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            swap()
    assert names(target) == ["old"]
    assert names(tmp_path) == ["model"]


def test_a_directory_replaces_the_old_one_whole(tmp_path: Path) -> None:
    for text in ("one", "two"):
        with files.new_directory(tmp_path / "model") as work:
            (work / text).write_text(text)
    assert names(tmp_path / "model") == ["two"]
    assert names(tmp_path) == ["model"]


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        files.write_text(tmp_path / "file" / "a.txt", "new")
    with pytest.raises(RunError, match="cannot write"), files.new_directory(tmp_path / "file" / "model"):
        pass
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunError, match="cannot write"), files.folder_lock(folder):
            pass


def test_a_missing_or_broken_json_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="settings not found"):
        files.read_json(tmp_path / "a.json", what="settings")
    for content in (b"{", b"\xff\xfe", b""):
        (tmp_path / "a.json").write_bytes(content)
        with pytest.raises(UsageError, match="settings cannot be read") as caught:
            files.read_json(tmp_path / "a.json", what="settings")
        assert "\n" not in str(caught.value)


def test_a_folder_is_held_by_one_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fitwright.core.files import folder_lock\n"
        "from fitwright.core.errors import RunError\n"
        "try:\n    with folder_lock(Path(sys.argv[1])): print('held')\n"
        "except RunError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "work")]

    def other() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with files.folder_lock(tmp_path / "work"):
        assert "another fitwright command is at work in" in other()
    assert other() == "held\n"


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from fitwright.core.files import folder_lock\n"
        "lock = folder_lock(Path(sys.argv[1])); lock.__enter__(); os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    with files.folder_lock(tmp_path):
        pass


def test_bytes_and_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b").write_bytes(b"de")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert files.sha256_file(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert files.sha256_json({"a": 1, "b": 2}) == files.sha256_json({"b": 2, "a": 1})
    assert files.sha256_json([1, 2]) != files.sha256_json([2, 1])


def test_a_folder_that_is_let_go_of_is_waited_for(tmp_path: Path) -> None:
    files.wait_for_lock(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with files.folder_lock(tmp_path), pytest.raises(RunError, match="at work"):
        files.wait_for_lock(tmp_path, 0.0)
    held = contextlib.ExitStack()
    held.enter_context(files.folder_lock(tmp_path))
    threading.Timer(0.2, held.close).start()
    files.wait_for_lock(tmp_path)
    with files.folder_lock(tmp_path):
        pass
