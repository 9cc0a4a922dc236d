import pytest

from fitwright.core.errors import UsageError
from fitwright.selection.limits import judge, limits_of
from fitwright.selection.needs import Needs
from fitwright.spec.budget import Budget
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity

BIG = Device(name="big", kind="cpu", memory_bytes=10**12)
SMALL = Device(name="small", kind="cpu", memory_bytes=10**9)


def needs(**quantities):
    found = {name.replace("_", "-"): value for name, value in quantities.items()}
    return Needs(quantities=found, cost=None, memory_kind="memory", assumptions=())


def about(value, unit, low, high):
    return Quantity.estimated(value, unit, low=low, high=high)


def verdict(budget, found, device=BIG, **settings):
    limits = limits_of(Budget.parse(budget), device, **{"trains": False, "priced": True, **settings})
    return judge(found, limits)


def test_only_the_favourable_end_of_the_interval_misses_surely():
    found = needs(latency_p95=about(0.06, "s", 0.02, 0.18))
    assert not verdict("latency-p95=200ms", found).doubtful
    assert verdict("latency-p95=100ms", found).doubtful == ("latency-p95",)
    assert verdict("latency-p95=30ms", found).doubtful == ("latency-p95",)
    (miss,) = verdict("latency-p95=10ms", found).missed
    assert (miss.constraint, miss.limit, miss.best, miss.likely) == ("latency-p95", 0.01, 0.02, 0.06)
    assert miss.excess == pytest.approx(1.0)
    assert miss.reason == "latency-p95 at least 20.0 ms predicted, 10.0 ms allowed: 100% over"


def test_a_throughput_is_short_of_its_limit():
    found = needs(throughput=about(50, "1/s", 20, 80))
    assert verdict("throughput=60/s", found).doubtful == ("throughput",)
    (miss,) = verdict("throughput=160/s", found).missed
    assert miss.excess == pytest.approx(0.5)
    assert miss.reason == "throughput at most 80.0 /s predicted, 160 /s asked: 50% short"


def test_the_worst_miss_comes_first_and_far_misses_read_as_factors():
    found = needs(size=Quantity.exact(50e6, "B"), memory=about(3e9, "B", 2e9, 4e9))
    first, second = verdict("size=40MB,memory=200MB", found).missed
    assert (first.constraint, second.constraint) == ("memory", "size")
    assert first.reason.endswith("10.0× the limit")
    assert second.excess == pytest.approx(0.25)


def test_the_devices_own_memory_is_a_limit():
    found = needs(memory=about(3e9, "B", 2e9, 4e9), training_memory=about(9e9, "B", 8e9, 1e10))
    assert [miss.constraint for miss in verdict("", found, SMALL).missed] == ["device memory"]
    missed = verdict("", found, SMALL, trains=True).missed
    assert [miss.constraint for miss in missed] == ["device memory in training", "device memory"]
    assert not verdict("", found, BIG, trains=True).missed


def test_what_has_no_estimate_is_said_and_rejects_nothing():
    found = verdict("memory=1MB,size=1MB", needs(size=Quantity.exact(9e5, "B")))
    assert not found.missed
    assert found.unknown == ("memory", "device memory")


@pytest.mark.parametrize(("budget", "said"), [("size=0.5x", "source model"), ("price=1", "--price-per-hour")])
def test_what_cannot_be_held_is_refused(budget, said):
    with pytest.raises(UsageError, match=said):
        limits_of(Budget.parse(budget), BIG, trains=False, priced=False)
