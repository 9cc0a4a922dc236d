from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.data.dataset import LabelledText
from fitwright.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate
from fitwright.spec.record import Record

SETTINGS = EvaluationSettings(seconds=0.5, rounds=5, repeats=1, threads=1)


@pytest.fixture(scope="module")
def result(tiny_bundle: Path, sentences: list[tuple[str, str]]) -> Evaluation:
    chosen = sentences[::100]
    dataset = LabelledText(
        texts=tuple(text for text, _ in chosen), labels=tuple(int(label) for _, label in chosen),
        names=("negative", "positive"),
    )  # fmt: skip
    return evaluate(tiny_bundle, dataset, against=tiny_bundle, settings=SETTINGS, context={"split": "all"})


def test_the_candidate_is_measured_in_the_engine_that_serves_beside_its_source_in_torch(
    result: Evaluation,
) -> None:
    assert result.source is not None
    assert (result.candidate.context["engine"], result.source.context["engine"]) == ("onnxruntime", "torch")
    expected = {
        "accuracy", "f1", "size", "parameters", "memory", "latency-p50", "latency-p95", "throughput",
        "throughput-batch1",
    }  # fmt: skip
    assert set(result.source.quantities) == expected
    assert set(result.candidate.quantities) == expected | {"drop"}
    assert result.candidate.context["rows"] == 86
    assert result.candidate.context["split"] == "all"


def test_the_same_model_in_another_engine_loses_nothing(result: Evaluation) -> None:
    assert result.candidate["drop"].value == 0
    assert result.ratios["size"].value == pytest.approx(1, abs=0.15)


def test_serving_needs_less_memory_than_torch(result: Evaluation) -> None:
    assert 0 < result.ratios["memory"].value < 0.8


def test_it_is_json_and_its_records_come_back(result: Evaluation) -> None:
    data = json.loads(json.dumps(result.as_json(), allow_nan=False))
    plain = {key: value for key, value in data["candidate"].items() if key != "quality"}
    assert Record.from_json(plain) == result.candidate
    assert len(data["samples"]["source"]["throughput_per_s"]) == 5
    assert data["candidate"]["quality"]["confusion"]["labels"] == ["negative", "positive"]
    assert data["settings"]["threads"] == 1


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"seq": 0}, {"threads": 0}, {"seconds": 0.0}, {"metric": "bleu"}]
)
def test_settings_are_checked_when_made(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        EvaluationSettings(**wrong)  # type: ignore[arg-type]
