"""The Hub's client against a server that answers as the Hub does, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fitwright.sizing import hub

CONFIG = {"model_type": "bert", "hidden_size": 32}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATIENCE_S = 0.6
REFUSALS = {
    "gated": (403, "GatedRepo"),
    "missing": (404, "RepoNotFound"),
    "private": (401, "RepoNotFound"),
    "noconfig": (404, "EntryNotFound"),
    "failing": (503, ""),
}
CLIENT = """
import json, sys, time
from fitwright.sizing import hub
from fitwright.core.errors import FitwrightError

hub._TIMEOUT_S, hub._REFRESH_TIMEOUT_S = float(sys.argv[1]), float(sys.argv[1])
found = {}
for name in sys.argv[2:]:
    start = time.perf_counter()
    try:
        outcome = {"text": hub.fetch_config(name).read_text()}
    except FitwrightError as error:
        outcome = {"kind": type(error).__name__, "error": str(error)}
    found.setdefault(name, []).append(outcome | {"spent_s": time.perf_counter() - start})
print(json.dumps(found))
"""


class Hub(BaseHTTPRequestHandler):
    """``/organisation/name/resolve/main/config.json``; the organisation says how the answer is."""

    seen: ClassVar[list[str]] = []
    served_once: ClassVar[set[str]] = set()

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        type(self).seen.append(f"{self.command} {self.path}")
        organisation = self.path.strip("/").partition("/")[0]
        if organisation == "slow":
            time.sleep(3 * PATIENCE_S)
        status, code = REFUSALS.get(organisation, (200, ""))
        if organisation == "flaky":  # one whole download, then nothing but failures
            status = 503 if organisation in self.served_once else 200
        body = json.dumps(CONFIG).encode() if status == 200 else b""
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", '"etag-of-config"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
            self.served_once.add(organisation)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def ask(home: Path, endpoint: str, *names: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What the client makes of each name in turn, and its standard error."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(PATIENCE_S), *names], capture_output=True, text=True, timeout=60,
        env={**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


@pytest.fixture(scope="module")
def online(cache: Path) -> Iterator[tuple[dict[str, Any], str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    names = (
        "good/model",
        "flaky/model",
        "flaky/model",
        "slow/model",
        *(f"{kind}/model" for kind in REFUSALS),
    )
    yield ask(cache, f"http://127.0.0.1:{server.server_port}", *names)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_file_of_a_public_repository(online):
    (answer,) = online[0]["good/model"]
    assert json.loads(answer["text"]) == CONFIG


def test_one_small_file_is_fetched_without_a_bar_or_any_other_request(online):
    assert "config.json" not in online[1]
    assert all(line.endswith("/model/resolve/main/config.json") for line in Hub.seen)


def test_a_hub_that_fails_later_does_not_hide_the_cached_file(online):
    first, second = online[0]["flaky/model"]
    assert json.loads(first["text"]) == json.loads(second["text"]) == CONFIG


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("gated/model", "UsageError", "granted access.*hf auth login"),
        ("missing/model", "UnknownModelError", "no public repository"),
        ("private/model", "UnknownModelError", "no public repository"),
        ("noconfig/model", "UsageError", "no config.json"),
        ("failing/model", "UnknownModelError", "could not be reached.*503"),
        ("slow/model", "UnknownModelError", "could not be reached.*Timeout"),
    ],
)
def test_a_refusal_is_one_clear_line(online, name, kind, says):
    (answer,) = online[0][name]
    assert answer["kind"] == kind
    assert re.search(says, answer["error"])
    assert "config.json or a model directory" in answer["error"]


def test_no_answer_is_not_waited_for_twice(online):
    assert online[0]["slow/model"][0]["spent_s"] < 2 * PATIENCE_S
    assert online[0]["failing/model"][0]["spent_s"] < 2 * PATIENCE_S


def test_nobody_listens(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answers, _ = ask(tmp_path, f"http://127.0.0.1:{port}", "google/bert-base-uncasd")
    (answer,) = answers["google/bert-base-uncasd"]
    assert answer["kind"] == "UnknownModelError"
    assert "the Hub could not be reached (ConnectError)" in answer["error"]
    assert "Did you mean google-bert/bert-base-uncased" in answer["error"]
    assert answer["spent_s"] < 5


def test_offline_by_choice_reads_the_cache_alone(online, cache):
    answers, _ = ask(cache, "http://127.0.0.1:9", "good/model", "other/model", HF_HUB_OFFLINE="1")
    assert json.loads(answers["good/model"][0]["text"]) == CONFIG
    assert answers["other/model"][0]["kind"] == "UnknownModelError"
    assert "HF_HUB_OFFLINE is set" in answers["other/model"][0]["error"]


@pytest.mark.parametrize("name", ["bert", "a/b/c", "../x/y", "a--b/c", "/a", "a/", "a/.b", "a b/c"])
def test_what_cannot_be_a_repository(name):
    assert not hub.is_repository(name)


@pytest.mark.parametrize("name", ["google/flan-t5-small", "Qwen/Qwen2.5-0.5B", "o/x_1"])
def test_what_can_be_a_repository(name):
    assert hub.is_repository(name)
