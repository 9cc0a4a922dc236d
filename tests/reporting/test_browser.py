"""The page in a real browser. Skipped where there is none, unless FITWRIGHT_REQUIRE_BROWSER=1."""

import os
import shutil
from pathlib import Path

import pytest

from fitwright.reporting import html
from tests.reporting.sample import CHINESE, sample_report

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing(reason: str) -> None:
    if os.environ.get("FITWRIGHT_REQUIRE_BROWSER", "") not in ("", "0"):
        pytest.fail(f"{reason} (FITWRIGHT_REQUIRE_BROWSER is set)")
    pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        missing(f"no Chromium on the PATH (looked for {', '.join(NAMES)})")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the package playwright is not installed")
    with sync_playwright() as play:  # every launch gets a fresh, empty profile
        browser = play.chromium.launch(executable_path=found, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html.render(sample_report()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    page.problems, page.requests = [], []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.goto(address)
    yield page
    page.close()


def test_it_opens_without_errors_and_asks_for_nothing_else(page, address) -> None:
    assert page.locator("h1").inner_text() == "4.3× faster, 4.7× smaller, 0.6 points below its teacher"
    assert page.locator("h1").is_visible()
    assert page.get_by_text("✓ Budget met").is_visible()
    assert page.get_by_text(CHINESE).is_visible()
    assert page.problems == []
    assert page.requests == [address]


def test_tables_have_rows(page) -> None:
    counts = page.eval_on_selector_all("table", "tables => tables.map(t => t.tBodies[0].rows.length)")
    assert len(counts) >= 12
    assert min(counts) >= 1


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (400, 800)])
def test_nothing_runs_out_of_the_window(page, tmp_path, width, height) -> None:
    page.set_viewport_size({"width": width, "height": height})
    inner, content = page.evaluate("[window.innerWidth, document.documentElement.scrollWidth]")
    assert inner == width
    assert content <= width
    right = page.eval_on_selector_all(
        ".tile, h1, h2, figure", "all => Math.max(...all.map(e => e.getBoundingClientRect().right))"
    )
    assert right <= width
    picture = Path(page.screenshot(path=tmp_path / "report.png", full_page=True) and tmp_path / "report.png")
    assert picture.stat().st_size > 50_000


def test_the_first_screen_holds_the_verdict_the_tiles_and_the_budget(page) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    for selector in ("h1", ".badge", ".tiles", "#verdict table"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 800, selector


@pytest.mark.parametrize("width", [1280, 400])
def test_charts_are_seen_in_one_width_and_are_readable(page, width) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    shown = page.locator("svg.chart:visible")
    assert shown.count() == 4
    for index in range(4):
        scale = shown.nth(index).evaluate("s => s.getBoundingClientRect().width / s.viewBox.baseVal.width")
        assert scale > 0.8


def test_a_click_on_a_heading_sorts(page) -> None:
    table = page.locator("table[data-sortable]").first
    column = (
        "[...document.querySelector('[data-sortable]').tBodies[0].rows].map(r => +r.cells[4].dataset.sort)"
    )
    table.get_by_role("button", name="Latency p95").click()
    values = page.evaluate(column)
    assert values == sorted(values)
    table.get_by_role("button", name="Latency p95").click()
    assert page.evaluate(column) == sorted(values, reverse=True)


def test_dark_and_print_have_contrast(page) -> None:
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    dark, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert dark != light
    assert dark != ink
    page.emulate_media(media="print", color_scheme="dark")
    paper, ink = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (paper, ink) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")
    assert not page.locator("nav").is_visible()


def test_it_reads_without_javascript(browser, address) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(address)
    assert page.locator("h1").is_visible()
    assert page.locator("tbody tr").count() > 60
    page.close()
