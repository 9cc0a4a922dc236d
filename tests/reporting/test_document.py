import json
import math

import pytest

from fitwright.core.errors import UsageError
from fitwright.core.files import to_json
from fitwright.reporting.document import (
    CandidateRow,
    Confusion,
    Curve,
    CurvePoint,
    ErrorRow,
    Prediction,
    Report,
    Verdict,
)
from fitwright.spec import Quantity
from tests.reporting.sample import missed_report, sample_report


@pytest.mark.parametrize("make", [sample_report, missed_report])
def test_a_report_survives_json(make) -> None:
    report = make()
    text = to_json(report.as_json())
    again = Report.from_json(json.loads(text))
    assert to_json(again.as_json()) == text
    assert again.candidates == report.candidates
    assert again.predictions == report.predictions
    assert again.result == report.result
    assert again.verdict == report.verdict


def test_a_report_needs_only_a_title_a_task_and_a_verdict() -> None:
    report = Report(title="t", task="text-classification", verdict=Verdict(met=None, headline="h"))
    assert Report.from_json(json.loads(to_json(report.as_json()))) == report


def test_what_json_and_utf8_cannot_hold_is_written_as_something_they_can(tmp_path) -> None:
    error = ErrorRow(text="half \ud800 a pair\x00", truth="a", answer="b", confidence=0.9)
    point = CurvePoint(step=1, train_loss=math.nan)
    report = Report(
        title="t", task="text-classification", verdict=Verdict(met=None, headline="h"), worst_errors=(error,),
        curves=(Curve(name="diverged", stage="train", points=(point,)),),
    )  # fmt: skip
    report.write(tmp_path)
    again = Report.read(tmp_path)
    assert again.curves[0].points[0].train_loss is None
    assert again.worst_errors[0].text == "half \ufffd a pair\ufffd"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 99}, "another version"),
        ({"surprise": 1}, "broken"),
        ({"verdict": None}, "broken"),
        ({"candidates": [{"name": "x"}]}, "broken"),
        ({"candidates": [{"name": "x", "steps": "", "status": "maybe"}]}, "unknown status"),
    ],
)
def test_a_broken_document_is_one_clear_error(change, says) -> None:
    with pytest.raises(UsageError, match=says):
        Report.from_json({**sample_report().as_json(), **change})


def test_a_document_that_is_no_object_is_one_clear_error() -> None:
    with pytest.raises(UsageError, match="another version"):
        Report.from_json(["not", "a", "report"])


def test_scores_by_class_are_the_textbook_ones() -> None:
    confusion = Confusion(subject="m", labels=("a", "b"), counts=((8, 2), (4, 6)))
    assert confusion.scores(0) == pytest.approx((8 / 12, 0.8, 2 * (8 / 12) * 0.8 / (8 / 12 + 0.8)))
    assert confusion.scores(1) == pytest.approx((6 / 8, 0.6, 2 * 0.75 * 0.6 / 1.35))


def test_a_class_without_rows_or_answers_scores_zero() -> None:
    assert Confusion(subject="m", labels=("a", "b"), counts=((3, 0), (0, 0))).scores(1) == (0, 0, 0)


def test_a_confusion_matrix_is_square() -> None:
    with pytest.raises(UsageError, match="confusion"):
        Confusion(subject="m", labels=("a", "b"), counts=((1, 2),))


@pytest.mark.parametrize(("measured", "inside"), [(1.9, False), (2.0, True), (4.0, True), (4.1, False)])
def test_an_interval_holds_when_the_measurement_lies_in_it(measured, inside) -> None:
    row = Prediction(
        name="latency-p95", subject="m", predicted=Quantity.estimated(3.0, "s", low=2.0, high=4.0),
        measured=Quantity.measured(measured, "s", low=measured, high=measured),
    )  # fmt: skip
    assert row.inside is inside
    assert row.error == pytest.approx(3.0 / measured - 1)


def test_a_candidate_has_a_known_status() -> None:
    with pytest.raises(UsageError, match="status"):
        CandidateRow(name="a", steps="", status="perhaps")  # type: ignore[arg-type]
