"""The lock fits pyproject.toml, and nothing of any one machine is in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fitwright.environment.installed import canonical
from fitwright.environment.lock import read_lock

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "dev.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKED_EXTRAS = ("train", "serve", "dev")


def wanted() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    lines = PROJECT["dependencies"] + [line for extra in LOCKED_EXTRAS for line in extras[extra]]
    return [Requirement(line) for line in sorted(set(lines)) if canonical(Requirement(line).name) != "torch"]


@pytest.mark.parametrize("requirement", wanted(), ids=str)
def test_each_requirement_is_locked_in_range(requirement: Requirement) -> None:
    pins = read_lock(LOCK)
    assert canonical(requirement.name) in pins, "run 'make lock'"
    assert requirement.specifier.contains(pins[canonical(requirement.name)]), "run 'make lock'"


def test_every_pin_has_hashes() -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", LOCK.read_text(encoding="utf-8"))
    pins = [block for block in blocks if re.match(r"[a-z0-9._-]+==", block)]
    assert len(pins) > 50
    assert [block.splitlines()[0] for block in pins if "--hash=sha256:" not in block] == []


def test_no_address_and_no_gpu_library_is_locked() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert not re.search(r"https?://|file://|--index-url|--find-links", text)
    assert not re.search(r"^(torch|triton|nvidia-|cuda-)", text, re.MULTILINE)


def test_torch_of_the_set_up_is_in_the_extras_range() -> None:
    version = re.search(r"TORCH_VERSION := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert version is not None
    torch = next(Requirement(r) for r in PROJECT["optional-dependencies"]["train"] if r.startswith("torch"))
    assert torch.specifier.contains(version[1])
