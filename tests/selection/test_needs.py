import pytest

from fitwright.catalog.names import find
from fitwright.selection import needs
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

CPU = Device(name="two cores", kind="cpu", cores=2, peak_flops={"fp32": 3e11})


def test_of_a_real_estimate():
    found = needs.needs_of(
        find("bert-base"), workload=Workload(batch=8, seq=64), device=CPU, price_per_hour_usd=1.0,
        training=Workload(mode="train", batch=16, seq=64),
    )  # fmt: skip
    latency = found.get("latency-p95")
    assert found.get("latency-p50") == latency
    assert found.cost.value == pytest.approx(latency.value / 8)
    assert found.get("throughput").low == pytest.approx(8 / latency.high)
    assert found.get("price").value == pytest.approx(latency.value / 8 * 1e6 / 3600)
    assert found.get("training-memory").value > 2 * found.get("memory").value
    assert found.get("size").value == 4 * 109_514_298
    assert set(found.as_json()) == {"latency-p95", "throughput", "memory", "size", "training-memory", "price"}


def test_an_unknown_peak_leaves_time_and_money_out():
    nameless = Device(name="unknown", kind="cpu")
    found = needs.needs_of(find("bert-base"), workload=Workload(), device=nameless, price_per_hour_usd=1.0)
    assert found.cost is None
    assert [name for name, value in found.as_json().items() if value is None] == [
        "latency-p95", "throughput", "training-memory", "price",
    ]  # fmt: skip
    assert found.assumptions


def test_the_process_is_what_has_to_fit_where_the_estimate_has_it(monkeypatch):
    def record(*names):
        held = {
            name: Quantity.estimated(place + 1e9, "B", low=1e9, high=2e9) for place, name in enumerate(names)
        }
        return lambda *_, **__: Record(subject="s", quantities=held, context={"assumptions": []})

    for names, taken in (
        (("memory-allocated", "memory-process", "memory-reserved"), "memory-process"),
        (("memory-allocated", "memory-reserved"), "memory-reserved"),
        (("memory-allocated",), "memory-allocated"),
        (("memory",), "memory"),
        ((), None),
    ):
        monkeypatch.setattr(needs, "estimate", record(*names))
        found = needs.needs_of(find("bert-base"), workload=Workload(), device=CPU)
        assert found.memory_kind == taken
        assert (found.get("memory") is None) is (taken is None)


def test_rows_longer_than_a_model_takes():
    assert needs.too_short_for(find("bert-base"), Workload(seq=600)) == 512
    assert needs.too_short_for(find("bert-base"), Workload(seq=512)) is None
    assert needs.too_short_for(find("facebook/deit-tiny-patch16-224"), Workload(seq=9999)) is None
