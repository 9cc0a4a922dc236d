"""What is installed, and what needs what."""

from __future__ import annotations

import subprocess
from pathlib import Path

from fitwright.environment.installed import Installed, canonical, closure, git_commit, installed


def package(name: str, *requires: str, version: str = "1.0") -> Installed:
    return Installed(name=name, version=version, requires=requires)


def test_the_running_environment_is_seen() -> None:
    found = installed()
    assert found["pytest"].source == "index"
    assert found["pytest"].version == __import__("pytest").__version__
    assert list(found) == sorted(found)


def test_names_compare_as_pep_503_says() -> None:
    assert canonical("Typing_Extensions") == canonical("typing.extensions") == "typing-extensions"


def test_closure_follows_extras_of_the_root_and_those_that_requirements_name() -> None:
    everything = {
        p.name: p
        for p in (
            package("root", "a[fast]", 'b; extra == "train"', 'c; extra == "dev"'),
            package("a", 'd; extra == "fast"', 'e; extra == "slow"', 'f; python_version < "3"'),
            package("b", "root", "not-there"),
            *(package(name) for name in "cdef"),
        )
    }
    assert list(closure(["root"], everything)) == ["a", "b", "d", "root"]
    assert list(closure(["root"], everything, extras=["dev"])) == ["a", "c", "d", "root"]


def test_commit_of_a_folder_and_its_uncommitted_changes(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    clean = git_commit(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    (tmp_path / "new").touch()
    assert git_commit(tmp_path) == f"{clean}-dirty"
