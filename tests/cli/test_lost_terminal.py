"""A terminal that goes away does not take hours of work with it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty")

PROGRAM = """
import sys, time
from pathlib import Path
from fitwright.cli.console import Bars
from fitwright.cli.interrupts import INTERRUPTS

INTERRUPTS.listen()
{outlive}
bars = Bars()
with bars.task('train', 40) as task:
    for step in range(40):
        task.advance(1, note=f'step {{step}}')
        bars.say(f'step {{step}}')
        time.sleep(0.02)
print('the answer')
Path(sys.argv[1]).write_text('done')
"""


def exit_code_without_terminal(outlive: str, result: Path) -> int:
    """Run the program in a terminal of its own that is closed as soon as it has said something."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM.format(outlive=outlive), str(result)])  # noqa: S606
    heard = b""
    while b"step 1" not in heard:
        heard += os.read(terminal, 4096)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_the_work_goes_on(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", kind)  # with bars, and with lines
    assert exit_code_without_terminal("INTERRUPTS.outlive_terminal()", tmp_path / "result") == 0
    assert (tmp_path / "result").read_text() == "done"


def test_other_commands_end_with_it(tmp_path: Path) -> None:
    assert exit_code_without_terminal("", tmp_path / "result") == -signal.SIGHUP
    assert not (tmp_path / "result").exists()
