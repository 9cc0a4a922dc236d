"""A library that swallows Ctrl-C does not keep the command alive."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import contextlib, os, signal, sys
from fitwright.cli.console import Bars
from fitwright.cli.interrupts import INTERRUPTS

INTERRUPTS.listen()
try:
    os.kill(os.getpid(), signal.SIGINT)
except:  # as some libraries do while they are imported
    pass
try:
    {report}
except KeyboardInterrupt:
    sys.exit(130)
"""


def code_of(report: str) -> int:
    return subprocess.run([sys.executable, "-c", PROGRAM.format(report=report)], check=False).returncode


def test_the_next_report_of_progress_raises_it_again() -> None:
    assert code_of("Bars().say('next stage')") == 130


def test_a_step_of_a_bar_raises_it_again() -> None:
    program = "with Bars(quiet=True).task('train', 3) as task: task.advance(1, note='step')"
    assert code_of(program) == 130


def test_without_a_report_nothing_is_raised() -> None:
    assert code_of("pass") == 0
