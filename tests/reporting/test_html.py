import base64
import hashlib
import re
from dataclasses import replace

import pytest

from fitwright.reporting import html
from fitwright.reporting.document import Confusion, CurvePoint, Report, Verdict
from fitwright.reporting.rows import Curve
from fitwright.reporting.wording import number
from fitwright.spec import Quantity, Record
from tests.reporting.reading import Page
from tests.reporting.sample import CHINESE, missed_report, sample_report


@pytest.fixture(scope="module")
def text() -> str:
    return html.render(sample_report())


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def quantities(report: Report) -> list[tuple[str, Quantity]]:
    """Every quantity of the report with its standard name."""
    records = [report.source, report.result, *report.records]
    records += [r for c in report.candidates for r in (c.predicted, c.measured)]
    found = [(name, q) for r in records if r is not None for name, q in r.quantities.items()]
    for model in report.models:
        found += [(name, q) for name, q in (("latency", model.latency), ("memory", model.memory)) if q]
    return found + [(p.name, q) for p in report.predictions for q in (p.predicted, p.measured)]


def test_elements_are_balanced(page) -> None:
    assert page.problems == []
    assert Page(html.render(missed_report())).problems == []


def test_the_page_asks_for_nothing_from_elsewhere(text, page) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "data", "poster", "action", "xlink:href"):
            if name in attributes:
                assert (attributes[name] or "").startswith("#"), (tag, attributes)
    assert not {"link", "iframe", "img", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_allows_exactly_the_page_s_own_style_and_script(text, page) -> None:
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for _, a in page.tags for name in a)


def test_hostile_text_is_shown_and_never_run(text, page) -> None:
    assert page.count("script") == 1
    assert page.count("b") == 1  # the page's own name
    assert "<script>alert('x')</script>" in page.text
    assert "\x07" not in text


def test_hostile_names_are_escaped_everywhere() -> None:
    evil = '"><img src=x onerror=alert(1)>'
    report = sample_report()
    record = Record(subject=evil, quantities=report.result.quantities, context={evil: evil})
    everywhere = replace(
        report, title=evil, task=evil, verdict=Verdict(met=False, headline=evil, binding=evil, nearest=evil),
        source=record, records=(record,), commands=(evil,), lock_file=evil, notes=(evil,), made_at=evil,
        candidates=tuple(replace(c, name=evil, steps=evil, reason=evil) for c in report.candidates),
        models=tuple(replace(m, id=evil, reason=evil) for m in report.models),
        predictions=tuple(replace(p, subject=evil) for p in report.predictions),
        curves=tuple(replace(c, name=evil, stage=evil) for c in report.curves),
        confusions=(Confusion(subject=evil, labels=(evil, "b"), counts=((1, 2), (3, 4))),),
        stages=tuple(replace(s, name=evil) for s in report.stages),
        provenance={evil: evil, "versions": {evil: evil}},
        data=replace(report.data, lines=(evil,), warnings=(evil,), facts={evil: {evil: evil}}),
    )  # fmt: skip
    page = Page(html.render(everywhere))
    assert page.problems == []
    assert page.count("img") == 0
    assert not any("onerror" in attributes for _, attributes in page.tags)


def test_every_number_of_the_report_is_on_the_page(page) -> None:
    report = sample_report()
    for name, quantity in quantities(report):
        assert number(name, quantity.value, quantity.unit) in page.text, (name, quantity)
        if quantity.origin in ("measured", "estimated"):
            high = number(name, quantity.high, quantity.unit)
            assert high in page.text, (name, quantity)
    for confusion in report.confusions:
        assert all(f"{count:,}" in page.text for row in confusion.counts for count in row)
    for error in report.worst_errors:
        assert f"{error.confidence * 100:.1f} %" in page.text
    for word in ("3.05 ms", "84.6 %", "19.3 MB", "−0.6 points", "4.3× faster", "≤ 4.36 ms", "3 min 07 s"):
        assert word in page.text


def test_estimated_and_measured_numbers_never_share_a_column(text) -> None:
    for table in re.findall(r"<table.*?</table>", text, re.S):
        columns: dict[int, set[bool]] = {}
        for row in re.findall(r"<tr.*?</tr>", table.partition("<tbody>")[2], re.S):
            for index, cell in enumerate(re.findall(r"<td.*?</td>", row, re.S)):
                if re.search(r"\d", cell) and "numeric" in cell.partition(">")[0]:
                    columns.setdefault(index, set()).add("≈" in cell)
        assert all(len(kinds) == 1 for kinds in columns.values()), table[:300]
    assert "≈" in text


def test_chinese_text_is_there_and_has_fonts(text) -> None:
    assert CHINESE in text
    assert "Noto Sans CJK SC" in text
    assert '<meta charset="utf-8">' in text


def test_long_texts_are_cut(page) -> None:
    assert "word " * 60 not in page.text
    assert "word…" in page.text


def test_charts_are_described_to_those_who_cannot_see_them(page) -> None:
    charts = [a for tag, a in page.tags if tag == "svg" and a.get("class") == "chart"]
    assert len(charts) == 8  # scatter, intervals and two trainings, each wide and narrow
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert page.count("desc") == len(charts)


def test_a_missed_budget_says_what_binds_and_the_nearest_point() -> None:
    text = Page(html.render(missed_report())).text
    assert "✗ Budget missed" in text
    assert "the best reached was 1.72 ms" in text
    assert "Nearest point: layers-2-int8" in text
    assert "not measured" in text


def test_the_smallest_report_is_a_page_too() -> None:
    report = Report(title="t", task="text-classification", verdict=Verdict(met=None, headline="Nothing yet"))
    page = Page(html.render(report))
    assert page.problems == []
    assert "Nothing yet" in page.text
    assert "Budget" not in page.text


def test_many_classes_become_the_most_frequent_confusions() -> None:
    size = 40
    counts = tuple(
        tuple(100 if i == j else (i == 3 and j == 7) * 55 for j in range(size)) for i in range(size)
    )
    labels = tuple(f"class {i}" for i in range(size))
    report = replace(sample_report(), confusions=(Confusion(subject="m", labels=labels, counts=counts),))
    rows = Page(html.render(report)).rows
    assert ["class 3", "class 7", "55"] in [[cell.strip() for cell in row] for row in rows]
    assert max(len(row) for row in rows) < 20


def test_long_trainings_stay_small() -> None:
    points = tuple(CurvePoint(step=i, train_loss=1 / (i + 1)) for i in range(50_000))
    report = replace(sample_report(), curves=(Curve(name="long", stage="train", points=points),))
    assert len(html.render(report)) < 200_000


def test_the_same_report_gives_the_same_page(text) -> None:
    assert html.render(sample_report()) == text
    assert len(text.encode()) < 200_000
