"""Faults that really happen to a run: it is killed anywhere, its disk fills up, the allocator gives up.

Of that kind elsewhere: Ctrl-C and one kill (``tests/cli/test_interrupts.py``), a disk full from the start
(``tests/cli/test_bad_inputs.py``), damaged checkpoints (``test_classification.py``), corrupt rows
(``tests/data``), a lost terminal (``tests/cli/test_lost_terminal.py``).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fitwright.core.files import sha256_file
from fitwright.training.directory import read_history
from fitwright.training.step import is_out_of_memory

resource = pytest.importorskip("resource")
PATIENCE_S = 600.0


@pytest.fixture
def arguments(reviews_csv: Path, tiny_model_dir: Path) -> list[str]:
    """A training of some seconds that lacks the name of its output."""
    return [
        "train", str(reviews_csv), "--model", str(tiny_model_dir), "--epochs", "4", "--lr", "5e-3",
        "--max-length", "48", "--precision", "fp32", "--micro-batches", "2", "--checkpoint-s", "0",
        "--patience", "9", "--output",
    ]  # fmt: skip


def start(arguments: list[str], output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fitwright", *arguments, str(output)], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what it said."""
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def wait_for_checkpoint(process: subprocess.Popen[str], output: Path) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not list(output.parent.glob(f".{output.name}.unfinished/*/checkpoint/state.json")):
        assert time.monotonic() < deadline_s
        assert process.poll() is None, end(process)
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_and_again_it_ends_with_the_same_bits(
    arguments: list[str], tmp_path: Path, seed: int
) -> None:
    """Up to five kills at random moments after a checkpoint: in a step, in a write, between epochs."""
    generator = random.Random(seed)  # noqa: S311
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    began = time.monotonic()
    assert end(start(arguments, whole))[0] == 0
    longest_s = 0.5 * (time.monotonic() - began)
    for _ in range(5):
        process = start(arguments, killed)
        wait_for_checkpoint(process, killed)
        time.sleep(generator.uniform(0, longest_s))
        process.kill()
        end(process)
        if killed.exists():
            break
        assert not list(tmp_path.glob("killed*/model.safetensors"))
    assert end(start(arguments, killed))[0] == 0
    assert sha256_file(killed / "model.safetensors") == sha256_file(whole / "model.safetensors")
    assert not list(tmp_path.glob(".killed*"))


@pytest.mark.slow
def test_a_disk_that_fills_up_while_training_costs_nothing(arguments: list[str], tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert end(start(arguments, whole))[0] == 0
    process = start(arguments, broken)
    wait_for_checkpoint(process, broken)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # a checkpoint has 12 MB
    code, said = end(process)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (code, len(errors)) == (3, 1), said
    assert "cannot write" in errors[0]
    assert "Traceback" not in said
    code, said = end(start(arguments, broken))
    assert code == 0, said
    assert "resuming at epoch" in said
    assert sha256_file(broken / "model.safetensors") == sha256_file(whole / "model.safetensors")


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("could not create a primitive", True),  # oneDNN, when there is no memory for compiled code
        ("could not create a primitive descriptor for a matmul primitive", False),
        ("std::bad_alloc", True),
        ("mat1 and mat2 shapes cannot be multiplied", False),
    ],
)
def test_what_counts_as_out_of_memory(text: str, is_so: bool) -> None:
    assert is_out_of_memory(RuntimeError(text)) == is_so


LITTLE_MEMORY = """
import contextlib, resource, sys
from pathlib import Path
from fitwright.cli import console
from fitwright.cli.main import run

task = console.Bars.task

@contextlib.contextmanager
def limited(bars, title, total, unit=""):
    with task(bars, title, total, unit) as found:
        if title.startswith("train ("):  # models and libraries are loaded: from now on little more
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limit = pages * resource.getpagesize() + int(sys.argv[1])
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        yield found

console.Bars.task = limited
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit on address space")
def test_the_allocator_itself_gives_up_and_training_goes_on(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Steps of 138 padded rows do not fit. They go on in parts: to what these parts give from the start, or,
    where what is left is too little for a single row, to one clear message.
    """
    arguments = [
        "train", str(reviews_csv), "--model", str(tiny_model_dir), "--epochs", "1", "--lr", "5e-3",
        "--max-length", "128", "--precision", "fp32", "--packing", "off", "--batch-size", "256", "--output",
    ]  # fmt: skip

    def ended(limit_bytes: int, *more: str) -> tuple[int, str]:
        command = [sys.executable, "-c", LITTLE_MEMORY, str(limit_bytes), *arguments, *more]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )  # fmt: skip
        return done.returncode, done.stderr

    code, said = ended(50_000_000, str(tmp_path / "little"))
    assert "out of memory: steps of" in said
    assert "Traceback" not in said
    if code:
        assert (code, "memory does not suffice" in said.splitlines()[-1]) == (3, True), said
        return
    parts = read_history(tmp_path / "little").micro_batches
    assert parts > 1
    code, said = ended(1 << 40, str(tmp_path / "much"), "--micro-batches", str(parts))
    assert code == 0, said
    assert "out of memory" not in said
    little, much = (sha256_file(tmp_path / name / "model.safetensors") for name in ("little", "much"))
    assert little == much
