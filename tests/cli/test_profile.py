"""``fitwright profile``: what it says, what it keeps, what it refuses, and that Ctrl-C leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.cli.main import run
from fitwright.cli.profile_text import profile_lines, validation_lines
from fitwright.core.home import home
from fitwright.sizing.pricing.profile import Profile, device_key
from fitwright.sizing.profiling.validation import Point, Validation

QUICK = ("profile", "--engine", "onnxruntime", "--minutes", "0.02", "--threads", "1", "--no-training")


def test_a_quick_profile_is_kept_where_estimates_look_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*QUICK, "--json"]) == 0
    shown = capsys.readouterr()
    assert "profiling: done" in shown.err
    found = Profile.find(device_key(threads=1))
    assert found is not None
    assert set(found.precisions("onnxruntime")) == {"fp32", "int8"}
    assert found.constants["onnxruntime/session_s"] > 0
    assert found.device["threads"] == 1
    data = json.loads(shown.out)
    assert data["surfaces"] == found.as_json()["surfaces"]
    assert data["path"] == str(home() / "profiles" / f"{found.key}.json")
    assert data["validation"] is None
    lines = profile_lines(found, data["path"])
    assert "1 thread;" in lines[0]
    assert any("GFLOP/s" in line and line.startswith("product 1024") for line in lines)
    assert lines[-1] == f"written to {data['path']}"


def test_the_validation_is_shown_point_by_point() -> None:
    points = tuple(
        Point(
            model="bert", engine="torch", precision="fp32", batch=1, seq=seq, measured_s=1e-3,
            measured_low_s=1e-3, measured_high_s=1e-3, estimated_s=1.1e-3, estimated_low_s=1e-3,
            estimated_high_s=2e-3,
        )
        for seq in (8, 128)
    )  # fmt: skip
    lines = validation_lines(Validation(points=points, repeat_error=0.02))
    assert lines[1].split() == ["bert", "torch", "fp32", "1×8", "1.00", "ms", "1.10", "ms", "+10.0%"]
    assert lines[-1] == "2 points: median error 10.0%, 90th percentile 10.0%, repeat error 2.0%"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engine", "abacus"), "unknown engine to profile"),
        (("--threads", "0"), "threads are out of range"),
        (("--minutes", "0"), "minutes are too few"), (("--device", "tpu"), "cannot be profiled"),
        (("--device", "cuda:99"), "no such card"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_in_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["profile", *arguments]) == 2
    shown = capsys.readouterr()
    assert said in shown.err.splitlines()[-1]
    assert shown.out == ""
    assert not (home() / "profiles").exists()


def test_ctrl_c_leaves_the_former_profile_as_it_was(own_home: Path) -> None:
    former = own_home / "profiles" / f"{device_key(threads=1)}.json"
    former.parent.mkdir(parents=True)
    former.write_text("{}")
    arguments = ["profile", "--engine", "onnxruntime", "--minutes", "3", "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fitwright", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    assert "preparing" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=120)
    assert process.returncode == 130, rest
    assert "interrupted" in rest
    assert former.read_text() == "{}"
    assert [p.name for p in former.parent.iterdir()] == [former.name]
