"""What a client sees: the running service, asked over HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from fitwright.engines.classifier import TextClassifier

TEXTS = ["good", "a moving and funny film that stays with you for days", "dull, dull, dull"]


@pytest.fixture(scope="module")
def classifier(tiny_bundle: Path) -> TextClassifier:
    return TextClassifier.load(tiny_bundle, threads=1)


def post(service: Any, body: Any, path: str = "/") -> httpx.Response:
    return httpx.post(f"{service.url}{path}", json=body, timeout=30)


def scores(answer: list[dict[str, Any]]) -> dict[str, float]:
    return {row["label"]: row["score"] for row in answer}


def test_health_says_what_runs(service: Any) -> None:
    response = httpx.get(f"{service.url}/health", timeout=30)
    assert response.status_code == 200
    health = response.json()
    assert health["status"] == "ready"
    assert (health["engine"], health["precision"]) == ("onnxruntime", "fp32")
    assert health["labels"] == ["negative", "positive"]
    assert health["model"] == "tiny-bundle"
    assert health["version"]


def test_one_text(service: Any, classifier: TextClassifier) -> None:
    (answer,) = post(service, {"inputs": TEXTS[0]}).json()
    expected = dict(zip(classifier.labels, classifier.predict(TEXTS[:1])[0].tolist(), strict=True))
    assert scores(answer) == pytest.approx(expected, abs=1e-4)
    assert answer[0]["score"] >= answer[1]["score"]


def test_several_texts_are_answered_in_order(service: Any, classifier: TextClassifier) -> None:
    answers = post(service, {"inputs": TEXTS}).json()
    positive = [scores(answer)["positive"] for answer in answers]
    assert positive == pytest.approx(classifier.predict(TEXTS)[:, 1].tolist(), abs=1e-4)


def test_parameters(service: Any) -> None:
    one = post(service, {"inputs": TEXTS[0], "parameters": {"top_k": 1}}).json()
    assert [len(answer) for answer in one] == [1]
    plain = post(service, {"inputs": TEXTS[0], "parameters": {"function_to_apply": "none"}}).json()[0]
    sigmoid = post(service, {"inputs": TEXTS[0], "parameters": {"function_to_apply": "sigmoid"}}).json()[0]
    import math

    assert scores(sigmoid) == pytest.approx(
        {label: 1 / (1 + math.exp(-score)) for label, score in scores(plain).items()}, abs=1e-5
    )


def test_the_hugging_face_client(
    service: Any, classifier: TextClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import InferenceClient, constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # it blocks the loopback too
    client = InferenceClient(model=service.url, timeout=30)
    elements = client.text_classification(TEXTS[1])
    expected = dict(zip(classifier.labels, classifier.predict([TEXTS[1]])[0].tolist(), strict=True))
    assert {element.label: element.score for element in elements} == pytest.approx(expected, abs=1e-4)
    assert len(client.text_classification(TEXTS[1], top_k=1, function_to_apply="sigmoid")) == 1
    by_name = InferenceClient(model=f"{service.url}/models/tiny-bundle", timeout=30)
    assert by_name.text_classification(TEXTS[1]) == elements


def test_sixty_four_clients_at_once_each_get_their_own_answer(
    service: Any, classifier: TextClassifier, sentences: list[tuple[str, str]]
) -> None:
    texts = [" ".join([text] * (1 + i % 3)) for i, (text, _) in enumerate(sentences[::131][:64])]
    expected = classifier.predict(texts)[:, 1].tolist()

    async def ask() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=64)
        async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=60) as client:
            return await asyncio.gather(*(client.post("/", json={"inputs": text}) for text in texts))

    responses = asyncio.run(ask())
    assert [response.status_code for response in responses] == [200] * 64
    got = [scores(response.json()[0])["positive"] for response in responses]
    assert len({round(value, 3) for value in got}) > 20  # they differ, so a mix-up shows
    assert got == pytest.approx(expected, abs=1e-4)


def test_a_text_that_is_cut_is_said_to_be(service: Any) -> None:
    short = post(service, {"inputs": ["word"]})
    assert "x-truncated-rows" not in short.headers
    exactly_64_tokens = "word " * 62
    response = post(service, {"inputs": ["short", "word " * 63, exactly_64_tokens, "word " * 500]})
    assert response.status_code == 200
    assert response.headers["x-truncated-rows"] == "1,3"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"", 400, "the body is not JSON"),
        (b"\xff\xfe", 400, "the body is not JSON"),
        (b"[" * 100_000, 400, "the body is not JSON"),
        (b'"text"', 422, "must be an object with 'inputs'"),
        (b"{}", 422, "must be an object with 'inputs'"),
        (b'{"inputs": 1}', 422, "'inputs' must be a text or a list"),
        (b'{"inputs": []}', 422, "'inputs' must be a text or a list"),
        (b'{"inputs": ["a", null]}', 422, "'inputs' must be a text or a list"),
        (b'{"inputs": "a", "parameters": 1}', 422, "'parameters' must be an object"),
        (b'{"inputs": "a", "parameters": {"top_k": 0}}', 422, "'top_k' must be"),
        (b'{"inputs": "a", "parameters": {"top_k": true}}', 422, "'top_k' must be"),
        (b'{"inputs": "a", "parameters": {"topk": 1}}', 422, "unknown parameter; got 'topk'"),
        (b'{"inputs": "a", "parameters": {"function_to_apply": "exp"}}', 422, "got 'exp'; allowed: softmax"),
        (b'{"inputs": "a", "parameters": {"\\ud800": 1}}', 422, "unknown parameter"),
        (json.dumps({"inputs": ["a"] * 129}).encode(), 413, "too many texts in one request; got 129"),
        (json.dumps({"inputs": "a" * 100_001}).encode(), 413, "too many characters; got 100001"),
    ],
)
def test_bad_requests_get_one_line(service: Any, body: bytes, status: int, message: str) -> None:
    response = httpx.post(service.url, content=body, timeout=30)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert message in response.json()["error"]
    assert "\n" not in response.json()["error"]


@pytest.mark.parametrize("text", ["", " ", "\x00", "电影很好看", "🎬" * 40, "\u202e"])
def test_odd_texts_are_answered(service: Any, text: str) -> None:
    assert sum(scores(post(service, {"inputs": text}).json()[0]).values()) == pytest.approx(1, abs=1e-5)


def test_a_lone_surrogate_is_answered(service: Any) -> None:
    assert httpx.post(service.url, content=b'{"inputs": "a \\ud800 b"}', timeout=30).status_code == 200


def test_null_parameters_are_none(service: Any) -> None:
    assert post(service, {"inputs": "a", "parameters": None}).status_code == 200
    assert post(service, {"inputs": "a", "parameters": {"top_k": None}}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/models/other", 404), ("GET", "/nothing", 404), ("GET", "/", 405), ("DELETE", "/health", 405)],
)
def test_wrong_addresses_get_one_line(service: Any, method: str, path: str, status: int) -> None:
    response = httpx.request(method, f"{service.url}{path}", json={"inputs": "a"}, timeout=30)
    assert response.status_code == status
    assert list(response.json()) == ["error"]


def test_metrics_count(service: Any) -> None:
    def read(name: str) -> float:
        lines = httpx.get(f"{service.url}/metrics", timeout=30).text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = read("fitwright_rows_total"), read("fitwright_request_seconds_count")
    post(service, {"inputs": TEXTS})
    post(service, {"inputs": []})
    assert read("fitwright_rows_total") == before[0] + 3
    assert read("fitwright_request_seconds_count") == before[1] + 1
    assert read('fitwright_requests_total{status="422"}') >= 1


def test_the_description_names_the_task(service: Any) -> None:
    paths = httpx.get(f"{service.url}/openapi.json", timeout=30).json()["paths"]
    assert {"/", "/health", "/metrics", "/models/{name}"} <= set(paths)
    schema = paths["/"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["inputs"]
