from dataclasses import replace

import pytest

from fitwright.reporting.blocks import Bullets, Figure, Tiles
from fitwright.reporting.document import DataSummary, Report
from fitwright.reporting.sections.candidates import candidates
from fitwright.reporting.sections.plot import plot
from fitwright.reporting.sections.rebuild import data
from fitwright.reporting.sections.summary import summary
from fitwright.reporting.wording import change, interval, number, percent, signed
from fitwright.spec import Quantity, Record
from tests.reporting.sample import sample_report


def on(record: Record, split: str, rows: int) -> Record:
    return Record(
        subject=record.subject, quantities=record.quantities, context={"split": split, "rows": rows}
    )


def searched_on_validation(*, baseline: bool) -> Report:
    """The sample, its candidates measured on validation rows, source and result on test rows."""
    whole = sample_report()
    rows = tuple(
        replace(c, measured=on(c.measured, "validation", 853)) if c.measured else c for c in whole.candidates
    )
    return replace(
        whole, candidates=rows, source=on(whole.source, "test", 1706), result=on(whole.result, "test", 1706),
        baseline=on(whole.source, "validation", 853) if baseline else None,
    )  # fmt: skip


def test_the_plot_never_mixes_figures_from_different_rows() -> None:
    figure = plot(searched_on_validation(baseline=False))
    assert isinstance(figure, Figure)
    assert "(source)" not in figure.wide
    assert "(chosen)" in figure.wide
    assert "≥ 83.7 %" not in figure.wide
    assert "853 validation rows" in figure.caption


def test_the_plot_takes_the_source_as_measured_beside_the_candidates() -> None:
    figure = plot(searched_on_validation(baseline=True))
    assert isinstance(figure, Figure)
    assert "(source)" in figure.wide
    assert "≥ 83.7 %" in figure.wide


def test_a_relative_limit_refers_to_the_source_that_is_drawn() -> None:
    report = searched_on_validation(baseline=True)
    slower = {
        **report.baseline.quantities,
        "latency-p95": Quantity.measured(0.02, "s", low=0.019, high=0.021),
    }
    baseline = Record(subject="source", quantities=slower, context=report.baseline.context)
    assert "≤ 6.60 ms" in plot(replace(report, baseline=baseline)).wide
    assert "≤ 4.36 ms" in plot(report).wide


def test_the_text_says_that_the_search_never_saw_the_test_rows() -> None:
    assert "never sees the test rows" in candidates(searched_on_validation(baseline=True)).lead
    assert "never sees" not in candidates(sample_report()).lead


@pytest.mark.parametrize(
    ("drop", "gate", "better"),
    [(0.6, True, None), (0.6, False, False), (0.0, False, None), (-0.6, True, True)],
)
def test_a_quality_loss_is_red_only_where_it_breaks_the_gate(drop, gate, better) -> None:
    whole = sample_report()
    source = whole.source.value("accuracy")
    after = source - drop / 100 if drop else source
    result = whole.result.with_quantities(
        accuracy=Quantity.measured(after, "1", low=0, high=1),
        drop=Quantity.measured(drop, "points", low=drop - 1, high=drop + 1),
    )
    budget = tuple({**line, "met": gate} for line in whole.budget)
    (tiles,) = [b for b in summary(replace(whole, result=result, budget=budget)) if isinstance(b, Tiles)]
    assert tiles.tiles[0].better is better


def test_a_warning_is_said_once() -> None:
    summary = DataSummary(lines=("400 rows", "warning: few rows"), warnings=("few rows",))
    report = replace(sample_report(), data=summary)
    assert data(report).blocks == (Bullets(("few rows",), "warning"), Bullets(("400 rows",)))


@pytest.mark.parametrize(
    ("name", "value", "unit", "text"),
    [
        ("accuracy", 0.84631, "1", "84.6 %"),
        ("parameters", 22_713_216, "1", "22.7M"),
        ("size", 19_300_000, "B", "19.3 MB"),
        ("latency-p95", 0.00305, "s", "3.05 ms"),
        ("throughput", 468.2, "1/s", "468 /s"),
        ("drop", -0.004, "points", "0.00 points"),
        ("drop", -0.6, "points", "−0.60 points"),
        ("price", 3, "USD", "3 USD"),
    ],
)
def test_numbers_in_words(name, value, unit, text) -> None:
    assert number(name, value, unit) == text


@pytest.mark.parametrize(
    ("name", "before", "after", "words", "better"),
    [
        ("latency-p95", 0.010, 0.002, "5.0× faster", True),
        ("latency-p95", 0.002, 0.010, "5.0× slower", False),
        ("throughput", 100, 450, "4.5× more", True),
        ("throughput", 450, 100, "4.5× less", False),
        ("size", 90, 30, "3.0× smaller", True),
        ("accuracy", 0.85, 0.84, "1.0 points lower", False),
        ("accuracy", 0.84, 0.85, "1.0 points higher", True),
        ("memory", 5, 5, "the same", None),
        ("memory", 0, 5, "more", False),
    ],
)
def test_changes_in_words(name, before, after, words, better) -> None:
    assert change(name, before, after) == (words, better)


def test_intervals_with_a_minus_are_joined_by_a_word() -> None:
    quantity = Quantity.measured(0.6, "points", low=-0.34, high=1.57)
    assert interval("drop", quantity) == "−0.34 to 1.57 points"
    assert interval("size", Quantity.exact(5, "B")) == ""


def test_a_rounded_zero_has_no_sign() -> None:
    assert [signed(v, 1) for v in (0.04, -0.04, -0.0, 0.6, -0.6)] == ["0.0", "0.0", "0.0", "+0.6", "−0.6"]
    assert percent(-0.0001) == "0.0 %"
