"""The lock: written, read back, compared, and installed by pip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.environment import hashes as hashes_module
from fitwright.environment.hashes import Hashes, ask_hashes
from fitwright.environment.installed import Installed
from fitwright.environment.lock import (
    capture_installed,
    compare_with_lock,
    lock_text,
    read_lock,
    write_lock,
)

PACKAGES = {
    p.name: p
    for p in (
        Installed(name="fitwright", version="0.1.0", source="folder", commit="0123abc-dirty"),
        Installed(name="numpy", version="2.4.6"),
        Installed(name="nvidia-nccl-cu12", version="2.27"),
        Installed(name="rich", version="15.0.0"),
        Installed(name="torch", version="2.13.0+cpu"),
    )
}
HASH = "a" * 64


def test_torch_gpu_libraries_and_folders_stand_apart() -> None:
    text = lock_text(PACKAGES, hashes=Hashes(found={"numpy": HASH, "rich": HASH}))
    assert "\n#: fitwright==0.1.0 (from a folder, commit 0123abc-dirty)\n" in text
    assert "\n#: nvidia-nccl-cu12==2.27\n" in text
    assert "\n#: torch==2.13.0+cpu\n" in text
    assert f"\nnumpy==2.4.6 \\\n    --hash=sha256:{HASH}\n" in text
    assert "--no-deps --require-hashes -r" in text


def test_a_missing_hash_is_said_in_the_head_and_not_required() -> None:
    text = lock_text(PACKAGES, hashes=Hashes(found={"numpy": HASH}, problem="no package source has rich"))
    assert "# Hashes: all but rich (no package source has rich)." in text
    assert "--require-hashes" not in text


def test_the_closure_of_fitwright_is_locked_without_network_and_without_the_house_tools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a network call"))
    text = lock_text()
    assert "\nnumpy==" in text
    assert "\ntyper==" in text
    assert "\npytest==" not in text
    assert "\npip==" not in text
    assert "# Hashes: none, versions only." in text


def test_the_present_environment_agrees_with_its_own_lock(tmp_path: Path) -> None:
    made = write_lock(tmp_path / "deep" / "environment.lock", with_hashes=False)
    assert made.packages > 20
    assert made.hashed == 0
    found = compare_with_lock(made.path)
    assert found.same
    assert found.agreed == len(read_lock(made.path))
    assert found.not_in_lock == ()


def test_differences_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "other.lock"
    version = capture_installed()["rich"].version
    lock.write_text(
        f"# head\n#: python==3.3.0\nRich=={version}\n"
        f"typer==0.0.1 \\\n    --hash=sha256:{HASH}\nnot-there==1.0\n"
        'absent-here==1.0 ; sys_platform == "never"\n',
        encoding="utf-8",
    )
    found = compare_with_lock(lock)
    assert [(d.name, d.locked) for d in found.differences] == [
        ("python", "3.3.0"),
        ("typer", "0.0.1"),
        ("not-there", "1.0"),
    ]
    assert found.agreed == 1
    assert found.differences[2].line() == "not-there: locked 1.0, installed not at all"
    assert "numpy" in found.not_in_lock


def test_a_build_of_the_same_torch_version_agrees(tmp_path: Path) -> None:
    version = capture_installed()["torch"].version.partition("+")[0]
    lock = tmp_path / "gpu.lock"
    lock.write_text(f"#: torch=={version}+cu130\n", encoding="utf-8")
    assert compare_with_lock(lock).same


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "lock file not found"),
        (b"", "no line pins"),
        (b"\xff\xfe", "not UTF-8"),
        (b"numpy>=2\n", "no line pins"),
    ],
)
def test_what_is_no_lock_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "x.lock"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_lock(path)


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package source of one real wheel, the only one that pip may ask."""
    source, folder = tmp_path / "small-thing", tmp_path / "wheels"
    source.mkdir()
    (source / "small_thing.py").write_text("")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "small-thing"\nversion = "1.2"\n'
    )
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
            source,
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_hashes_are_those_of_the_files_and_a_pin_that_nobody_has_is_left_out(wheels: Path) -> None:
    import hashlib

    found = ask_hashes([("small-thing", "1.2"), ("nobody-has-this", "9.9")])
    (wheel,) = wheels.glob("*.whl")
    assert found.found == {"small-thing": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    assert found.problem == "no package source has nobody-has-this"


def test_pip_installs_what_was_locked_and_refuses_another_file(wheels: Path, tmp_path: Path) -> None:
    lock = tmp_path / "environment.lock"
    package = Installed(name="small-thing", version="1.2")
    known = ask_hashes([("small-thing", "1.2")])
    install = [
        sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "--target",
        str(tmp_path / "there"), "-r", str(lock),
    ]  # fmt: skip
    lock.write_text(lock_text({"small-thing": package}, hashes=known))
    subprocess.run(install, check=True, capture_output=True)
    assert (tmp_path / "there" / "small_thing.py").exists()
    lock.write_text(lock_text({"small-thing": package}, hashes=Hashes(found={"small-thing": HASH})))
    refused = subprocess.run(install, capture_output=True, text=True)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr


def test_without_an_answer_the_lock_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complaint = (
        "WARNING: Retrying after connection broken\nERROR: ... (from versions: none)\nERROR: No matching"
    )
    monkeypatch.setattr(hashes_module, "_dry_run", lambda *_: (None, complaint))
    made = write_lock(tmp_path / "environment.lock", closure_of=("fitwright",))
    assert made.hashed == 0
    assert made.warning == "no package source answered"
    assert "# Hashes: none (no package source answered)." in made.path.read_text()
