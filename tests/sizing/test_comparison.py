import dataclasses

import pytest

from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.sizing import devices
from fitwright.sizing.comparison import compare, layers_text, recommended_use, sized, throughput
from fitwright.sizing.interface import estimate
from fitwright.sizing.verdict import judge
from fitwright.spec.device import Device
from fitwright.spec.quantity import Quantity
from fitwright.spec.workload import Workload

CPU = Device(
    name="two cores", kind="cpu", cores=2, memory_bytes=8 * 2**30, peak_flops={"fp32": 3e11},
    bandwidth_bytes_per_s=3e10,
)  # fmt: skip
T4, A100 = devices.find("t4"), devices.find("a100-80gb")


def row(name, workload, device=CPU):
    return compare([(name, find(name))], workload, device)[0]


def test_long_inputs_are_priced_as_windows():
    whole, long = row("bert-base", Workload(seq=512)), row("bert-base", Workload(seq=1664))
    assert (whole.windows, long.windows) == (1, 4)
    for name in ("latency", "flops", "flops-training-step"):
        assert long.record.value(name) == pytest.approx(4 * whole.record.value(name))
    assert long.record.value("memory") == whole.record.value("memory")
    assert long.as_json()["workload"]["seq"] == 1664
    assert long.as_json()["workload"]["windows"] == 4
    assert "4 windows" in long.as_json()["assumptions"][-1]


def test_a_decoder_is_not_cut():
    found = row("gpt2", Workload(seq=2000))
    assert found.windows == 1
    assert found.as_json()["memory"]["process"] is None
    assert "1024" in found.as_json()["assumptions"][0]
    assert found.verdict == "unknown"


def test_beyond_the_maximum_one_model_is_refused():
    with pytest.raises(UsageError, match="at most 512"):
        sized("bert-base", find("bert-base"), Workload(seq=513), CPU)


@pytest.mark.parametrize(
    ("name", "workload", "device"),
    [
        ("bert-base", Workload(seq=128), CPU), ("bert-base", Workload(seq=128), T4),
        ("bert-base", Workload(mode="train", batch=1, seq=128), T4),
        ("bert-base", Workload(mode="train", batch=64, seq=128), T4),
        ("bert-base", Workload(mode="train", batch=8, accumulation=4, seq=256), T4),
        ("gpt2", Workload(mode="train", batch=2, seq=512, precision="bf16"), A100),
        ("bert-large", Workload(mode="train", batch=4, seq=512), T4),
    ],
)  # fmt: skip
def test_the_largest_batch_fits_and_a_little_more_does_not(name, workload, device):
    """Asked again, the largest batch is said to fit, and the next one is not."""
    spec = find(name)
    batch = sized(name, spec, workload, device).largest_batch
    assert batch >= workload.accumulation
    assert batch % workload.accumulation == 0

    def verdict(rows):
        record = estimate(spec, dataclasses.replace(workload, batch=rows), device)
        return judge(record.get("memory-process"), device)

    assert verdict(batch) == "fits"
    assert verdict(batch + workload.accumulation) != "fits"


def test_what_never_fits_has_no_batch():
    tiny = dataclasses.replace(T4, memory_bytes=2**30)
    found = sized("bert-large", find("bert-large"), Workload(mode="train"), tiny)
    assert found.verdict == "does not fit"
    assert found.largest_batch == 0


def test_an_unknown_memory_gives_no_batch():
    found = sized("bert-base", find("bert-base"), Workload(), dataclasses.replace(T4, memory_bytes=None))
    assert (found.verdict, found.largest_batch) == ("unknown", None)


def test_throughput_turns_the_interval_round():
    found = throughput(Quantity.estimated(0.5, "s", low=0.25, high=1.0), 4)
    assert (found.value, found.low, found.high, found.unit) == (8, 4, 16, "1/s")
    assert throughput(None, 4) is None


def test_words_about_a_model():
    assert layers_text(find("t5-small")) == "6+6"
    assert layers_text(find("bert-base")) == "12"
    assert layers_text(find("openai/clip-vit-base-patch32")) == "12+12"
    assert recommended_use(find("sentence-transformers/all-MiniLM-L6-v2")) == "search, embeddings"
