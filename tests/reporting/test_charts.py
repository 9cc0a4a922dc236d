import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.reporting.charts.canvas import Scale, scale_over
from fitwright.reporting.charts.intervals import Ratio, intervals
from fitwright.reporting.charts.lines import Line, Panel, panels, thin
from fitwright.reporting.charts.placing import Anchor, Box, place
from fitwright.reporting.charts.scatter import Limits, Point, scatter

SPREAD = st.floats(min_value=1e-6, max_value=1e9)


@given(low=SPREAD, width=SPREAD)
def test_ticks_lie_in_the_scale_and_are_even(low, width) -> None:
    scale = Scale(low, low + width, 0, 100)
    if low + width <= low * (1 + 1e-6):
        return
    ticks = scale.ticks(5)
    assert len(ticks) <= 11
    assert all(scale.low - width * 1e-6 <= t <= scale.high + width * 1e-6 for t in ticks)


@given(low=SPREAD, factor=st.floats(min_value=2, max_value=1e6), share=st.floats(min_value=0, max_value=1))
def test_a_logarithmic_scale_keeps_order_and_ends(low, factor, share) -> None:
    scale = Scale(low, low * factor, 10, 90, log=True)
    assert scale(low) == pytest.approx(10)
    assert scale(low * factor) == pytest.approx(90)
    assert 10 - 1e-6 <= scale(low * factor**share) <= 90 + 1e-6
    assert all(low * 0.99 <= tick <= low * factor * 1.01 for tick in scale.ticks())


def test_a_scale_over_one_value_still_has_a_width() -> None:
    for value in (0.0, 5.0, -3.0):
        scale = scale_over([value], 0, 100)
        assert scale.low < value < scale.high


def parse(svg: str) -> ElementTree.Element:
    """Refuses what is not well-formed."""
    return ElementTree.fromstring(svg)  # noqa: S314 -- our own output


def texts(svg: str) -> list[str]:
    return [node.text or "" for node in parse(svg).iter() if node.tag.endswith("text")]


def bubbles(svg: str) -> dict[str, tuple[float, float, float]]:
    """Centre and radius of every bubble by the first word of its tooltip."""
    found = {}
    for group in parse(svg).iter("g"):
        if group.get("class", "").startswith("point "):
            title, circle = group.find("title"), group.find("circle")
            found[title.text.split()[0]] = tuple(float(circle.get(key)) for key in ("cx", "cy", "r"))
    return found


POINTS = (
    Point(
        name="source", role="source", latency=0.013, quality=0.85, size=90e6, quality_interval=(0.83, 0.87)
    ),
    Point(
        name="best", role="chosen", latency=0.003, quality=0.84, size=20e6, latency_interval=(0.002, 0.004)
    ),
    Point(name="bad", role="missed", latency=0.002, quality=0.80, size=10e6),
)


@pytest.mark.parametrize("width", [960, 400])
def test_a_scatter_puts_fast_left_good_up_and_large_large(width) -> None:
    svg = scatter(
        POINTS, Limits(latency=0.0044, quality=0.835), x_title="Latency", y_title="Accuracy", width=width
    )
    at = bubbles(svg)
    assert at["bad"][0] < at["best"][0] < at["source"][0]
    assert at["source"][1] < at["best"][1] < at["bad"][1]
    assert at["source"][2] > at["best"][2] > at["bad"][2]
    assert {"source", "best", "bad", "≤ 4.40 ms", "≥ 83.5 %"} <= set(texts(svg))


def test_the_budget_region_holds_exactly_the_points_that_meet_it() -> None:
    svg = scatter(POINTS, Limits(latency=0.0044, quality=0.835), x_title="Latency", y_title="Accuracy")
    region = next(n for n in parse(svg).iter("rect") if n.get("class") == "region")
    left, top, wide, high = (float(region.get(key)) for key in ("x", "y", "width", "height"))
    inside = {
        name
        for name, (x, y, _) in bubbles(svg).items()
        if left <= x <= left + wide and top <= y <= top + high
    }
    assert inside == {"best"}


def test_a_wide_range_of_latencies_is_drawn_logarithmically() -> None:
    slow = Point(name="slow", role="missed", latency=2.0, quality=0.9)
    at = bubbles(scatter((*POINTS, slow), Limits(), x_title="Latency", y_title="Accuracy"))
    assert at["source"][0] - at["bad"][0] > 100


def test_names_never_overlap_each_other() -> None:
    anchors = [Anchor(100 + 9 * i, 100 + 4 * (i % 3), 6, f"candidate-{i}") for i in range(12)]
    placed = place(anchors, Box(0, 0, 600, 300))
    assert placed[0] is not None
    boxes = [
        Box(at[0], at[1] - 10, at[0] + 6 * len(a.text), at[1] + 2)
        for a, at in zip(anchors, placed, strict=True)
        if at is not None
    ]
    overlaps = [a.overlap(b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert max(overlaps) < 60


def test_the_interval_chart_tells_held_from_missed() -> None:
    held = Ratio(name="held", value=0.9, low=0.6, high=1.4, inside=True, words="held it")
    missed = Ratio(name="missed", value=3.0, low=2.0, high=500.0, inside=False, words="missed it")
    for width in (960, 400):
        root = parse(intervals([held, missed], width=width))
        line = next(float(n.get("x1")) for n in root.iter("line") if n.get("class") == "measured-line")
        bars = {
            g.get("class"): next(r for r in g.iter("rect"))
            for g in root.iter("g")
            if g.get("class") in ("inside", "outside")
        }
        start, wide = (float(bars["inside"].get(key)) for key in ("x", "width"))
        assert start < line < start + wide
        start, wide = (float(bars["outside"].get(key)) for key in ("x", "width"))
        assert line < start
        assert start + wide <= width


def test_thinning_keeps_the_mean_and_the_ends_in_reach() -> None:
    points = [(float(i), float(i % 10)) for i in range(10_000)]
    few = thin(points, 100)
    assert len(few) == 100
    assert sum(y for _, y in few) / 100 == pytest.approx(4.5)
    assert few[0][0] < 100
    assert few[-1][0] > 9_900
    assert thin(points[:5], 100) == tuple(points[:5])


def test_curves_fall_where_losses_fall() -> None:
    line = Line(name="training", class_="train", points=((0, 1.0), (10, 0.5), (20, 0.2)))
    svg = panels("run", [Panel(title="Loss", lines=(line,))])
    path = next(n.get("points") for n in parse(svg).iter("polyline"))
    heights = [float(pair.split(",")[1]) for pair in path.split()]
    assert heights == sorted(heights)
    assert not re.search(r"nan|inf", svg)


def test_one_point_and_equal_values_are_drawn() -> None:
    line = Line(name="validation", class_="validation", points=((5, 0.5),), dots=True)
    svg = panels("run", [Panel(title="Accuracy", lines=(line,), percent=True)])
    assert next(parse(svg).iter("circle")) is not None
