import re

import pytest

from fitwright.reporting import html, markdown
from fitwright.reporting.document import Report, Verdict
from tests.reporting.reading import Page, markdown_tables
from tests.reporting.sample import CHINESE, missed_report, sample_report


@pytest.fixture(scope="module")
def text() -> str:
    return markdown.render(sample_report())


def plain(cell: str) -> str:
    """A Markdown cell as a reader sees it."""
    unescaped = re.sub(r"\\([\\`*_\[\]|~$#>+\-])", r"\1", cell.removeprefix("**").removesuffix("**"))
    return unescaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def words(cells: list[str]) -> list[str]:
    return re.findall(r"[≈≤≥+−]|[\w.,%×/]+", " ".join(plain(cell) for cell in cells).replace("*", ""))


@pytest.mark.parametrize("make", [sample_report, missed_report])
def test_the_twin_has_every_row_of_the_page_and_no_other(make) -> None:
    """The groups of headings are the page's alone, the table of tiles the twin's alone."""
    report = make()
    page = Page(html.render(report))
    on_page = [words(row) for row, kind in zip(page.rows, page.row_kinds, strict=True) if kind == "td"]
    tables = markdown_tables(markdown.render(report))[1:]
    in_twin = [words(row) for table in tables for row in table[1:]]
    assert len(on_page) > 25
    assert in_twin == on_page


def test_the_tiles_are_a_table_in_the_twin(text) -> None:
    rows = {row[0]: row[1:4] for row in markdown_tables(text)[0]}
    assert rows["Latency p95"] == ["13.2 ms", "3.05 ms", "4.3× faster"]
    assert rows["Accuracy"][:2] == ["85.2 %", "84.6 %"]


def test_every_row_of_a_table_has_as_many_cells_as_its_heading(text) -> None:
    for table in markdown_tables(text):
        assert {len(row) for row in table} == {len(table[0])}


def test_hostile_text_opens_no_markup(text) -> None:
    outside = re.sub(r"```.*?```", "", text, flags=re.S)
    assert "<" not in outside
    assert "\\[link\\](http" in outside
    assert not re.search(r"(?<!\\)\[link", outside)
    row = next(line for line in outside.splitlines() if "alert" in line)
    assert len(re.split(r"(?<!\\)\|", row)) == 7  # five cells
    assert plain(row).count("<script>alert('x')</script> | a \"quoted\"") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# no heading", "\\# no heading"),
        ("- no list", "\\- no list"),
        ("1. no list", "\\1. no list"),
        ("two\nlines", "two lines"),
        ("a|b", "a\\|b"),
        ("&lt;", "&amp;lt;"),
        ("−0.6 points", "−0.6 points"),
    ],
)
def test_escaping(text, shown) -> None:
    assert markdown.escape(text) == shown


def test_code_with_fences_stays_code() -> None:
    report = Report(
        title="t",
        task="t",
        verdict=Verdict(met=True, headline="h"),
        commands=("echo '```'", "# not a heading"),
    )
    assert "````bash\necho '```'\n# not a heading\n````" in markdown.render(report)


def test_the_twin_names_the_figures_and_the_commands(text) -> None:
    assert text.startswith("# SAMPLE: reviews.csv\n\n**4.3× faster")
    assert "✓ Budget met" in text
    assert text.count("*Figure (in the HTML report)") == 4
    assert "fitwright fit reviews.csv --task text-classification" in text
    assert CHINESE in text
