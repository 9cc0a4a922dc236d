"""What ``fitwright serve`` says when it cannot serve. A service that runs is tested in ``tests/serving``."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from fitwright.cli.main import run


def test_port_taken_is_one_line_and_exit_3(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["serve", str(tiny_bundle), "--port", str(port)]) == 3
    printed = capsys.readouterr()
    assert printed.err == (
        f"error: port {port} on 127.0.0.1 is taken. Stop what uses it, or choose another: --port 0.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "70000"], "port is out of range; got 70000; allowed: 0 to 65535"),
        (["--engine", "tpu"], "has no such engine; got 'tpu'; allowed: torch, onnxruntime"),
        (["--host", "no such host"], "unknown host"),
        (["--host", ""], "host is empty"),
        (["--threads", "0"], "threads must be at least 1"),
        (["--max-batch-tokens", "0"], "max_batch_tokens must be at least 1"),
        (["--max-request-rows", "1000"], "is above max_queue_rows"),
        (["--timeout", "0"], "timeout_s must be above 0"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run(["serve", str(tiny_bundle), *options]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("error: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1


def test_no_bundle_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "nowhere"]) == 2
    assert "model directory not found; got 'nowhere'" in capsys.readouterr().err
