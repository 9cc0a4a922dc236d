import pytest

from fitwright.sizing.latency.closed_form import SPREAD, UTILISATION
from fitwright.sizing.latency.roofline import ISSUE_S, price
from fitwright.sizing.trace.program import Op
from fitwright.spec.device import Device

CPU = Device(name="a CPU", kind="cpu", peak_flops={"fp32": 1e12}, bandwidth_bytes_per_s=1e10)
USED = 1e12 * UTILISATION["cpu"]["fp32"]


def op(family, dims=(), moved=0, count=1):
    return Op(family, family, dims, "fp32", moved, 0, count)


def test_each_operator_takes_its_longest_part():
    product = op("matmul", (1, 1000, 1000, 1000), moved=12_000_000, count=3)
    copy = op("copy", moved=7_000_000)
    tiny = op("pointwise", moved=4, count=5)
    found = price([product, copy, tiny], CPU, "fp32")
    by_hand = 3 * max(2e9 / USED, 12e6 / 0.7e10) + 1e-3 + 5 * ISSUE_S["cpu"]
    assert found.value == pytest.approx(by_hand)
    assert (found.low, found.high) == (pytest.approx(by_hand / SPREAD), pytest.approx(by_hand * SPREAD))


def test_what_moves_besides_is_added():
    assert price([], CPU, "fp32", extra_bytes=7_000_000).value == pytest.approx(1e-3)


def test_without_a_peak_there_is_no_time_and_without_a_bandwidth_no_traffic():
    assert price([op("copy", moved=10**9)], CPU, "bf16") is None
    blind = Device(name="a CPU", kind="cpu", peak_flops={"fp32": 1e12})
    found = price([op("copy", moved=10**9)], blind, "fp32")
    assert found.value == ISSUE_S["cpu"]
    assert "bandwidth unknown" in found.note
