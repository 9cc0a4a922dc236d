"""The budget grammar: what it reads, what it refuses, and how it is held against measurements."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.spec.budget import DEFAULT_MAX_DROP, Budget, Constraint, binding

NAMES = ("latency-p50", "latency-p95", "throughput", "size", "memory", "max-drop", "price")
RELATIVE = ("latency-p50", "latency-p95", "throughput", "size", "memory")


def by_name(text: str) -> dict[str, Constraint]:
    return {c.name: c for c in Budget.parse(text).constraints}


@pytest.mark.parametrize(
    ("text", "name", "value", "relative"),
    [
        ("latency-p95=3ms", "latency-p95", 0.003, False),
        ("latency-p50=250us", "latency-p50", 250e-6, False),
        ("throughput=500/s", "throughput", 500.0, False),
        ("throughput=30/min", "throughput", 0.5, False),
        ("size=25MB", "size", 25e6, False),
        ("memory=1GiB", "memory", 2**30, False),
        ("max-drop=0", "max-drop", 0.0, False),
        ("price=0.5", "price", 0.5, False),
        ("latency-p95=0.33x", "latency-p95", 0.33, True),
        ("size = 0.25×", "size", 0.25, True),
        ("throughput=3X", "throughput", 3.0, True),
    ],
)
def test_every_constraint_is_read_in_si(text: str, name: str, value: float, relative: bool) -> None:
    found = by_name(text)[name]
    assert found.value == pytest.approx(value)
    assert found.relative is relative


def test_the_quality_gate_is_always_there() -> None:
    for text in ("", " , ", "size=1MB"):
        assert Budget.parse(text).max_drop == DEFAULT_MAX_DROP
    assert Budget.parse("max-drop=0.5,size=1MB").max_drop == 0.5
    assert len(Budget.parse("max-drop=0.5").constraints) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("size", "a budget is name=value"),
        ("size=", "a budget is name=value"),
        ("=3", "unknown budget constraint"),
        ("speed=3", "unknown budget constraint; got 'speed'; allowed: latency-p50"),
        ("Size=3MB", "unknown budget constraint"),
        ("size=25MB,size=1MB", "names a constraint twice; got 'size'"),
        ("latency-p95=3", "not a duration; got '3'; allowed: a number with one of ns"),
        ("latency-p95=3MB", "not a duration"),
        ("size=three", "not a size"),
        ("size=-1", "size"),
        ("size=0", "must be positive"),
        ("size=0x", "must be positive"),
        ("size=-0.5x", "must be positive"),
        ("size=nanx", "must be positive"),
        ("size=infx", "must be positive"),
        ("size=1e400MB", "size"),
        ("latency-p50=1e400s", "must be positive"),
        ("size=x", "not a number"),
        ("throughput=5/day", "not a rate"),
        ("throughput=fast/s", "not a rate"),
        ("throughput=nan", "must be positive"),
        ("max-drop=1x", "max-drop cannot be relative"),
        ("price=0.5x", "price cannot be relative"),
        ("max-drop=-1", "must be positive"),
        ("max-drop=nan", "must be positive"),
        ("max-drop=inf", "must be positive"),
        ("max-drop=low", "not a number; got 'low'"),
        ("price=0", "must be positive"),
    ],
)
def test_every_mistake_is_one_line_that_names_it(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Budget.parse(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="latency-p950sizemx=,.eE+- ×0123456789/", max_size=40))
def test_any_text_is_a_budget_or_a_usage_error(text: str) -> None:
    try:
        budget = Budget.parse(text)
    except UsageError:
        return
    assert all(math.isfinite(c.value) and c.value >= 0 for c in budget.constraints)
    assert sum(c.name == "max-drop" for c in budget.constraints) == 1


@given(
    st.dictionaries(st.sampled_from(RELATIVE), st.floats(1e-3, 1e3), min_size=1),
    st.floats(1e-6, 1e9),
)
def test_a_relative_limit_is_a_share_of_the_source(limits: dict[str, float], own: float) -> None:
    budget = Budget.parse(",".join(f"{name}={value!r}x" for name, value in limits.items()))
    source = dict.fromkeys(limits, own)
    for line in budget.check({**source, "max-drop": 0.0}, source):
        if line.name == "max-drop":
            continue
        assert line.target == pytest.approx(limits[line.name] * own)
        assert line.met is (line.target <= own if line.name == "throughput" else own <= line.target)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_excess_is_the_share_of_the_target_that_is_missed(target: float, measured: float) -> None:
    at_most = Budget.parse(f"latency-p95={target!r}s").check({"latency-p95": measured, "max-drop": 0}, {})[0]
    at_least = Budget.parse(f"throughput={target!r}").check({"throughput": measured, "max-drop": 0}, {})[0]
    assert at_most.met is (measured <= target)
    assert at_least.met is (measured >= target)
    assert at_most.excess == pytest.approx(max(0.0, measured / target - 1), abs=1e-9)
    assert at_least.excess == pytest.approx(max(0.0, 1 - measured / target), abs=1e-9)


def test_what_was_not_measured_is_not_met_and_binds() -> None:
    lines = Budget.parse("memory=1GB,size=1MB").check({"size": 2e6, "max-drop": 0.0}, {})
    worst = binding(lines)
    assert worst is not None
    assert worst.name == "memory"
    assert worst.as_json()["measured"] is None
    assert worst.as_json()["met"] is False


def test_a_relative_limit_without_a_figure_of_the_source_is_refused() -> None:
    with pytest.raises(UsageError, match="the source model has no memory"):
        Budget.parse("memory=0.5x").check({"memory": 1.0}, {})


def test_the_binding_constraint_is_the_one_missed_by_most() -> None:
    lines = Budget.parse("size=1MB,latency-p95=1ms,max-drop=1").check(
        {"size": 1.5e6, "latency-p95": 3e-3, "max-drop": 1.5}, {}
    )
    assert binding(lines).name == "latency-p95"  # type: ignore[union-attr]
    assert binding(Budget.parse("").check({"max-drop": 1.0}, {})) is None


def test_a_zero_drop_budget_holds_only_without_loss() -> None:
    budget = Budget.parse("max-drop=0")
    assert budget.check({"max-drop": 0.0}, {})[0].met
    assert budget.check({"max-drop": -1.0}, {})[0].met
    assert not budget.check({"max-drop": 0.1}, {})[0].met


def test_it_reads_like_a_sentence() -> None:
    text = str(Budget.parse("latency-p95=0.33x,throughput=500/s,size=25MB"))
    assert text == "latency-p95 ≤ 0.33x, throughput ≥ 500 /s, size ≤ 25.0 MB, max-drop ≤ 1.5 points"


def test_a_constraint_cannot_be_made_wrong() -> None:
    for bad in ({"name": "speed", "value": 1.0}, {"name": "size", "value": 0.0}):
        with pytest.raises(UsageError):
            Constraint(**bad)  # type: ignore[arg-type]
    assert {c.name for c in Budget.parse(",".join(f"{n}=1x" for n in RELATIVE)).constraints} == {
        *RELATIVE,
        "max-drop",
    }
    assert set(RELATIVE) < set(NAMES)
