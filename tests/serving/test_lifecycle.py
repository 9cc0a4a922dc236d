"""From start to stop: ports, loading, overload, signals."""

from __future__ import annotations

import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.serving.server import address, bind

Start = Callable[..., Any]
LONG_ROWS = {"inputs": ["word " * 60] * 128}


def test_health_is_503_until_the_model_is_warm(start: Start, tiny_bundle: Path) -> None:
    running = start(tiny_bundle, "--engine", "torch")
    loading = httpx.get(f"{running.url}/health", timeout=30)
    assert loading.status_code == 503
    assert loading.json()["status"] == "loading"
    refused = httpx.post(running.url, json={"inputs": "a"}, timeout=30)
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    running.ready()
    ready = httpx.get(f"{running.url}/health", timeout=30)
    assert ready.status_code == 200
    assert ready.json()["engine"] == "torch"
    assert httpx.post(running.url, json={"inputs": "a"}, timeout=30).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_after_the_queue_is_answered(start: Start, tiny_bundle: Path, number: int) -> None:
    running = start(tiny_bundle, "--max-batch-tokens", "64", "--max-request-rows", "512").ready()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, running.url, json={"inputs": ["word " * 60] * 512}, timeout=60)
        while waiting_rows(running.url) == 0 and not asked.done():
            pass
        assert not asked.done()  # it is under way, so draining shows
        code = running.stop(number)
        assert asked.result().status_code == 200
        assert len(asked.result().json()) == 512
    assert code == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{running.url}/health", timeout=5)
    assert running.close() == ""
    assert "Traceback" not in "".join(running.said)


def test_overflow_gives_429(start: Start, tiny_bundle: Path) -> None:
    running = start(tiny_bundle, "--max-batch-tokens", "64", "--max-queue-rows", "128").ready()
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: httpx.post(running.url, json=LONG_ROWS, timeout=60), range(8)))
    statuses = {response.status_code for response in responses}
    assert statuses == {200, 429}
    refused = next(response for response in responses if response.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert "queue is full" in refused.json()["error"]
    assert httpx.post(running.url, json=LONG_ROWS, timeout=60).status_code == 200


def test_a_request_that_takes_too_long_gets_504(start: Start, tiny_bundle: Path) -> None:
    running = start(tiny_bundle, "--max-batch-tokens", "64", "--timeout", "0.01").ready()
    response = httpx.post(running.url, json=LONG_ROWS, timeout=60)
    assert response.status_code == 504
    assert "0.01 s" in response.json()["error"]


def test_rows_of_a_client_that_left_are_dropped(start: Start, tiny_bundle: Path) -> None:
    running = start(tiny_bundle, "--max-batch-tokens", "64").ready()
    left = threading.Event()

    def leave() -> None:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(running.url, json=LONG_ROWS, timeout=httpx.Timeout(60, read=0.02))
        left.set()

    thread = threading.Thread(target=leave)
    thread.start()
    thread.join(60)
    assert left.is_set()
    end_s = time.monotonic() + 30
    while 'status="499"} 1' not in metrics(running.url) and time.monotonic() < end_s:
        time.sleep(0.01)
    assert 'status="499"} 1' in metrics(running.url)
    assert "fitwright_rows_total 0" in metrics(running.url)


def metrics(url: str) -> str:
    return httpx.get(f"{url}/metrics", timeout=30).text


def waiting_rows(url: str) -> int:
    line = next(line for line in metrics(url).splitlines() if line.startswith("fitwright_waiting_rows "))
    return int(line.split()[1])


def test_bind_says_what_is_wrong() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=rf"port {port} on 127\.0\.0\.1 is taken\. .*--port"):
            bind("127.0.0.1", port)
    with pytest.raises(UsageError, match="unknown host"):
        bind("no such host", 8000)
    with pytest.raises(UsageError, match="no such address"):
        bind("192.0.2.1", 0)


def test_a_free_port_is_found_and_named() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert address(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(RunError, match="is taken"):
            bind("127.0.0.1", port)


def test_a_bundle_that_breaks_while_loading_ends_the_service(
    start: Start, tiny_bundle: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(tiny_bundle, tmp_path / "broken"))
    graph = broken / "engines/onnxruntime/model.onnx"
    graph.write_bytes(graph.read_bytes()[:1000])
    running = start(broken)
    line = running.wait_for("error: ")
    assert "SHA-256 differs" in line
    assert running.process.wait(timeout=60) == 3
