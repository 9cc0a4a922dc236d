import json
from pathlib import Path

import pytest

import fitwright.selection
from fitwright.selection.runtime import suit
from fitwright.sizing import devices
from fitwright.spec.device import Device


def cpu(*instructions, **peaks):
    return Device(name="a cpu", kind="cpu", instructions=instructions, peak_flops=peaks)


@pytest.mark.parametrize(
    ("device", "kind", "engine", "precision"),
    [
        (cpu("avx2", "avx512_vnni"), "encoder", "onnxruntime", "int8"),
        (cpu("avx2", "avx512_vnni"), "decoder", "torch", "fp32"),
        (cpu("avx512f", "amx_bf16", "amx_int8"), "encoder", "onnxruntime", "int8"),
        (cpu("avx512f", "amx_bf16", "amx_int8"), "decoder", "torch", "bf16"),
        (cpu("avx512f", "avx512_bf16"), "encoder", "torch", "bf16"),
        (cpu("avx2"), "encoder", "onnxruntime", "fp32"),
        (cpu("avx2"), "vision", "torch", "fp32"),
        (cpu(), "encoder", "onnxruntime", "fp32"),
        (cpu(fp32=1e12, int8=4e12), "encoder", "onnxruntime", "int8"),
        (devices.find("a100-80gb"), "encoder", "torch", "bf16"),
        (devices.find("t4"), "encoder", "torch", "fp16"),
        (devices.find("v100-16gb"), "decoder", "torch", "fp16"),
        (Device(name="old", kind="gpu", peak_flops={"fp32": 4e12}), "encoder", "torch", "fp32"),
        (Device(name="npu", kind="npu", peak_flops={"int8": 4e13}), "encoder", None, "int8"),
    ],
)  # fmt: skip
def test_what_suits(device, kind, engine, precision):
    found = suit(device, kind)
    assert (found.engine, found.precision) == (engine, precision)
    assert found.reason
    assert found.source


def test_a_precision_that_is_asked_for_is_kept():
    assert suit(devices.find("a100-80gb"), "encoder", "fp32").precision == "fp32"
    asked = suit(cpu("avx2"), "encoder", "int8")
    assert (asked.engine, asked.precision, asked.source) == ("onnxruntime", "int8", "the user")
    assert suit(cpu("avx2"), "decoder", "bf16").engine == "torch"


def test_each_rule_has_a_reason_and_a_source():
    text = (Path(fitwright.selection.__file__).parent / "data" / "runtimes.json").read_text(encoding="utf-8")
    for rule in json.loads(text):
        assert rule["reason"], rule
        assert rule["source"], rule
