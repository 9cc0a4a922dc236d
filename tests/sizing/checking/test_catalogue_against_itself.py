"""Every model of the catalogue as a row: nothing is wrong; and a wrong figure in any cell is found."""

from __future__ import annotations

import random

import pytest

from fitwright.catalog import store
from fitwright.sizing.checking.figures import figures, has_no_limit
from fitwright.spec.model import ModelSpec
from tests.sizing.checking.tables import judged, markdown

HEADINGS = {
    "parameters": "Parameters", "non_embedding": "Non-embedding params", "layers": "Layers",
    "hidden": "Hidden size", "heads": "Heads", "kv_heads": "KV heads", "ffn": "FFN size",
    "vocab": "Vocabulary", "length": "Max length",
}  # fmt: skip
CHINESE = {
    "parameters": "参数量", "non_embedding": "参数量（不含词嵌入）", "layers": "层数", "hidden": "隐藏维度",
    "heads": "注意力头数", "kv_heads": "KV头数", "ffn": "前馈维度", "vocab": "词表大小", "length": "最大长度",
}  # fmt: skip
SPECS = store.load_all()


def row(spec: ModelSpec) -> dict[str, int]:
    """The standard right value of each field that the catalogue knows."""
    known = {field: figures(spec, field) for field in HEADINGS}
    return {field: right[0].value for field, right in known.items() if right}


def table(names: list[str], rows: list[dict[str, int]], headings: dict[str, str]) -> str:
    grid = [["Model", *headings.values()]]
    grid += [
        [name, *(f"{values[field]:,}" if field in values else "-" for field in headings)]
        for name, values in zip(names, rows, strict=True)
    ]
    return markdown(grid)


@pytest.mark.parametrize("headings", [HEADINGS, CHINESE], ids=["English", "Chinese"])
def test_right_tables_are_right(tmp_path, headings):
    rows = [row(spec) for spec in SPECS]
    report = judged(tmp_path, table([spec.id for spec in SPECS], rows, headings))
    assert report.wrong == ()
    assert report.known == len(SPECS) == 330
    assert report.judged == sum(len(values) for values in rows) > 2000


def test_human_names_find_their_model_or_one_with_the_same_figures(tmp_path):
    rows = [row(spec) for spec in SPECS]
    for names in ([spec.name for spec in SPECS], [spec.id.rpartition("/")[2] for spec in SPECS]):
        report = judged(tmp_path, table(names, rows, HEADINGS))
        assert report.wrong == ()
        assert report.known == len(SPECS)


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_figure_in_each_row_is_found_and_nothing_else(tmp_path, seed):
    """By id, one corrupted cell a row; the right value comes back."""
    chance = random.Random(seed)  # noqa: S311
    rows, corrupted = [], {}
    for number, spec in enumerate(SPECS, start=1):
        values = row(spec)
        field = chance.choice([name for name in values if name != "length" or not has_no_limit(spec)])
        right = {figure.value for figure in figures(spec, field)}
        while values[field] in right or min(abs(values[field] / one - 1) for one in right) < 0.021:
            values[field] = max(1, round(values[field] * chance.choice([0.5, 0.9, 1.03, 1.1, 2, 10]))) + 1
        rows.append(values)
        corrupted[number] = (field, right)
    report = judged(tmp_path, table([spec.id for spec in SPECS], rows, HEADINGS))
    assert [wrong.row for wrong in report.wrong] == list(corrupted)
    for wrong in report.wrong:
        field, right = corrupted[wrong.row]
        assert wrong.field == field
        assert wrong.column == HEADINGS[field]
        assert wrong.correct in right
        stated = int(wrong.stated.replace(",", ""))
        assert wrong.error_pct == pytest.approx(100 * (stated - wrong.correct) / wrong.correct)


def test_the_tolerance_is_two_per_cent_or_five_where_it_is_marked(tmp_path):
    lone = [spec for spec in SPECS if len(figures(spec, "parameters")) == 1]
    assert len(lone) > 50
    marks = {"": (1.0199, 1.0201), "~": (1.0499, 1.0501), "约": (0.9501, 0.9499)}
    for mark, (inside, outside) in marks.items():
        for share, wrong in ((inside, 0), (outside, len(lone))):
            grid = [["model", "params"]]
            grid += [[spec.id, f"{mark}{round(spec.parameters * share)}"] for spec in lone]
            assert len(judged(tmp_path, markdown(grid)).wrong) == wrong


def test_our_own_table_is_right(tmp_path):
    """What ``fitwright compare`` prints passes."""
    from fitwright.api import compare
    from fitwright.reporting import tables

    names = [
        "bert-base",
        "bert-large",
        "deberta-v3-large",
        "t5-small",
        "flan-t5-base",
        "gpt2-medium",
        "mt5-small",
    ]
    rows = compare.compare(names, device="a100-80gb")
    text = tables.markdown(rows, tables.choose(compare.columns(rows), compare.DEFAULT_COLUMNS))
    report = judged(tmp_path, text)
    assert report.wrong == ()
    assert report.known == len(names)
    assert report.judged >= 5 * len(names)
