"""Ctrl-C and worse, at any stage of the real command: nothing is broken, and the same command goes on."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.core.files import sha256_file
from tests.cli.conftest import Fitted
from tests.cli.fitting import fit_arguments

PATIENCE_S = 240.0
INTERRUPTED = "error: interrupted; the same command continues where it stopped."


class Command:
    """``python -m fitwright`` in a process of its own, watched through its stderr and its files."""

    def __init__(self, *arguments: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fitwright", *arguments], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
        self.said: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr:
            for line in stderr:
                self._lines.put(line)
        self._lines.put(None)

    def until_it_says(self, part: str) -> None:
        """Wait for a line that holds ``part``."""
        while (line := self._lines.get(timeout=PATIENCE_S)) is not None:
            self.said.append(line)
            if part in line:
                return
        raise AssertionError(f"it never said {part!r}, but: {''.join(self.said)}")

    def until_there_is(self, folder: Path, pattern: str) -> None:
        """Wait for a file or folder that fits ``pattern`` below ``folder``."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s and self.process.poll() is None:
            if any(folder.glob(pattern)):
                return
            time.sleep(0.002)
        raise AssertionError(f"there was never a {pattern}; it said: {''.join(self.said)}")

    def end(self, signal_number: int | None = None) -> int:
        """Signal it, or just wait; its exit code."""
        if signal_number is not None:
            self.process.send_signal(signal_number)
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        while not self._lines.empty():
            self.said.append(self._lines.get() or "")
        return code


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Start a command; what still runs after the test is ended."""
    started: list[Command] = []

    def starter(*arguments: str) -> Command:
        started.append(Command(*arguments))
        return started[-1]

    yield starter
    for command in started:
        if command.process.poll() is None:
            command.process.kill()
        command.end()


def assert_whole(folder: Path) -> None:
    """Every JSON file can be read, and nothing half-written has the place or the form of a result."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
    hidden = {path.name for path in folder.rglob(".*")}
    assert {name for name in hidden if name != ".lock" and not name.endswith(".unfinished")} == set()
    for manifest in folder.rglob("fitwright.json"):
        assert (manifest.parent / "config.json").is_file()
        assert list(manifest.parent.glob("*.safetensors")) or list(manifest.parent.glob("engines/*/*.onnx"))


def assert_interrupted(command: Command) -> None:
    """It ends with 130 and its one line; no traceback, nothing that Python ignored."""
    assert command.end(signal.SIGINT) == 130, "".join(command.said)
    said = "".join(command.said)
    assert said.splitlines()[-1] == INTERRUPTED
    assert said.count("error: ") == 1
    for bad in ("Traceback", "Exception ignored", "KeyboardInterrupt", "leaked"):
        assert bad not in said


def wait_for(command: Command, folder: Path, moment: str) -> None:
    """``say:TEXT`` or ``file:PATTERN``."""
    kind, _, what = moment.partition(":")
    if kind == "say":
        command.until_it_says(what)
    else:
        command.until_there_is(folder, what)


IN_TRAINING = "file:.teacher.unfinished/*/checkpoint/state.json"
IN_EXPORT = "say:skipped, predicted to miss"


@pytest.mark.slow
def test_ctrl_c_in_training_and_in_export_and_the_same_command_completes(
    start: Callable[..., Command], reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path,
    no_probe: None, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "work"
    arguments = fit_arguments(
        reviews_csv, tiny_model_dir, folder, "--epochs", "3", budget="size=0.3x,max-drop=100"
    )
    for moment, done, not_done in (
        (IN_TRAINING, {"profile", "consider"}, "train"),
        (IN_EXPORT, {"profile", "consider", "train", "baseline"}, "shrink"),
    ):
        command = start(*arguments)
        wait_for(command, folder, moment)
        assert_interrupted(command)
        assert_whole(folder)
        assert {path.stem for path in (folder / "stages").iterdir()} == done
        assert not (folder / "stages" / f"{not_done}.json").exists()
        assert not (folder / "bundle").exists()
    assert "resuming at epoch" in "".join(command.said)
    assert run(arguments) == 0
    assert "train (fp32)" not in capsys.readouterr().err  # that was done and is not done again
    assert_whole(folder)
    assert (folder / "bundle" / "report.html").is_file()
    assert not [path for path in folder.rglob(".*") if path.name != ".lock"]


MOMENTS = (
    "say:rows ", "say:profile: ", "say:consider: ", "file:.teacher.unfinished",
    "file:.teacher.unfinished/*/events/*", "say:train: ", "say:baseline: ", IN_EXPORT, "say:export to ONNX",
    "say:quantising", "say:all 4 layers, int8: misses", "file:candidates/layers-3-int8/.model.unfinished",
    "file:candidates/layers-3-int8/model", "file:candidates/layers-3-int8/.engine.*",
    "say:3 of 4 layers, int8: meets", "say:shrink: ", "say:speed: ", "say:memory of onnxruntime",
    "say:measure: ",
)  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_at_every_moment(
    start: Callable[..., Command], fitted: Fitted, reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """One workspace, interrupted again and again; its bundle ends with the bits of the undisturbed one."""
    folder = tmp_path / "work"
    arguments = fit_arguments(reviews_csv, tiny_model_dir, folder)
    for moment in MOMENTS:
        command = start(*arguments)
        wait_for(command, folder, moment)
        assert_interrupted(command)
        if folder.exists():
            assert_whole(folder)
    last = start(*arguments)
    assert last.end() == 0
    assert_whole(folder)
    for name in ("model.safetensors", "engines/onnxruntime/model.onnx"):
        assert sha256_file(folder / "bundle" / name) == sha256_file(fitted.folder / "bundle" / name)


def test_a_killed_training_goes_on_to_the_same_bits(
    start: Callable[..., Command], reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import torch

    def arguments(name: str) -> list[str]:
        return [
            "train", str(reviews_csv), "--model", str(tiny_model_dir), "--output", str(tmp_path / name),
            "--epochs", "3", "--lr", "5e-3", "--max-length", "48", "--precision", "fp32",
        ]  # fmt: skip

    command = start(*arguments("killed"))
    command.until_there_is(tmp_path, ".killed.unfinished/*/checkpoint/state.json")
    assert command.end(signal.SIGKILL) == -signal.SIGKILL
    assert not (tmp_path / "killed").exists()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert run(arguments("killed")) == 0
        assert "resuming at epoch" in capsys.readouterr().err
        assert run(arguments("whole")) == 0
    finally:
        torch.set_num_threads(threads)
    assert "resuming" not in capsys.readouterr().err
    killed, whole = (sha256_file(tmp_path / name / "model.safetensors") for name in ("killed", "whole"))
    assert killed == whole
    assert whole != sha256_file(tiny_model_dir / "model.safetensors")
    assert not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_ctrl_c_while_python_starts(start: Callable[..., Command], reviews_csv: Path, tmp_path: Path) -> None:
    """From the first import on there is one line; before it Python itself speaks, and nothing is written."""
    for delay_s in (0.02, 0.05, 0.1, 0.2, 0.4):
        command = start(
            "fit", str(reviews_csv), "--output", str(tmp_path / "work"), "--model", "absent-model"
        )
        time.sleep(delay_s)
        assert command.end(signal.SIGINT) in (130, 2, -signal.SIGINT, 1)
        assert not (tmp_path / "work").exists()
