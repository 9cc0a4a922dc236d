import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing import devices


def test_this_machine_is_described_without_guesses():
    device = devices.find(None)
    assert device.kind == "cpu"
    assert device.cores >= 1
    assert device.bandwidth_bytes_per_s is None
    assert all(peak > 1e9 for peak in device.peak_flops.values())


@pytest.mark.parametrize("name", ["a100-80gb", "A100 80GB", "nvidia a100 sxm4 80gb"])
def test_a_listed_device_is_found_by_any_spelling(name):
    device = devices.find(name)
    assert device.memory_bytes == 80 * 10**9
    assert device.peak_flops["bf16"] == 312e12


def test_every_listed_value_has_a_source():
    for name in devices.names():
        device = devices.find(name)
        assert {"memory_bytes", "peak_flops", "bandwidth_bytes_per_s"} <= set(device.sources)
        assert all(device.sources.values())


def test_an_unknown_device_lists_the_known():
    with pytest.raises(UsageError, match="cpu, a100-40gb"):
        devices.find("abacus")


@pytest.mark.parametrize(
    ("flags", "fp32", "bf16", "int8"),
    [
        ({"avx2", "fma"}, 32, 32, 32),
        ({"avx2", "fma", "avx512f", "avx512_vnni"}, 64, 64, 256),
        ({"avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8"}, 64, 1024, 2048),
        ({"asimd", "asimddp"}, 16, 16, 64),
    ],
)
def test_peak_follows_the_instruction_set(flags, fp32, bf16, int8):
    found = devices.flops_per_cycle(frozenset(flags))
    assert (found["fp32"], found["bf16"], found["int8"]) == (fp32, bf16, int8)


def test_an_unknown_instruction_set_has_no_peak():
    assert devices.flops_per_cycle(frozenset({"sse2"})) == {}
