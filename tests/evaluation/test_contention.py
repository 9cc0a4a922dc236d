from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fitwright.evaluation.contention import Contention, busy_s, watch_contention


@pytest.mark.skipif(not Path("/proc/stat").is_file(), reason="the system does not tell")
def test_work_of_another_process_is_seen() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            time.sleep(0.3)
            with watch_contention() as found:
                time.sleep(1.0)
        finally:
            other.kill()
    assert found.cores is not None
    assert found.cores > 0.25  # less than 1 where the tests themselves share the cores


def test_a_quiet_machine_and_an_unknown_one_get_no_warning() -> None:
    assert Contention(cores=0.1, usable=2).warning() is None
    assert Contention(cores=None, usable=2).warning() is None
    assert "1.5 of 2 cores" in (Contention(cores=1.5, usable=2).warning() or "")


def test_a_system_that_does_not_tell(tmp_path: Path) -> None:
    assert busy_s(tmp_path / "absent") is None
