"""The price of a step adds up, and says where it comes from."""

from __future__ import annotations

import time

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing.pricing.operators import cold_share, name_weight_gradients, price_op
from fitwright.sizing.pricing.price import price_optimiser, price_step
from fitwright.sizing.trace.program import Op
from tests.sizing.pricing.machines import curve, linear, linear_s, moved_s, profile, surface

LINEAR = Op("matmul", "addmm", (1, 128, 768, 768), "fp32", 0, 128 * 768 * 4, 12)
ADD = Op("pointwise", "add", (), "fp32", 800_000, 400_000, 24)


def test_operators_add_up_with_their_counts() -> None:
    price = price_step([LINEAR, ADD], 0, profile())
    expected = 12 * linear_s(128, 768, 768) + 24 * moved_s(1_200_000)
    assert price.seconds == pytest.approx(expected, rel=0.01)
    assert price.by_family["matmul"] == pytest.approx(12 * linear_s(128, 768, 768), rel=0.01)
    assert sum(price.by_family.values()) == pytest.approx(price.seconds)
    assert price.low < price.seconds < price.high
    assert price.outside_share == 0


def test_python_page_faults_and_context_come_on_top() -> None:
    alone = price_step([LINEAR], 0, profile()).seconds
    constants = {
        "torch__infer__module_s": 1e-5, "torch__infer__step_s": 1e-4, "page_fault_s_per_byte": 1e-10,
        "torch__infer__fp32__context__products": 1.1, "torch__infer__fp32__context__python": 2.0,
    }  # fmt: skip
    price = price_step([LINEAR], 50, profile(**constants), faulted_bytes=10**7)
    assert price.seconds == pytest.approx(1.1 * alone + 2 * (50e-5 + 1e-4) + 1e-3)
    assert price.by_family["python"] == pytest.approx(12e-4)
    assert price.by_family["page faults"] == pytest.approx(1e-3)


def test_each_group_of_work_has_a_factor_of_its_own() -> None:
    few = LINEAR._replace(dims=(1, 8, 768, 768))
    constants = {
        "torch__infer__fp32__context__few-row products": 3.0, "torch__infer__fp32__context__moved": 2.0
    }  # fmt: skip
    ops = [LINEAR, few, ADD]
    plain, weighed = (price_step(ops, 0, machine) for machine in (profile(), profile(**constants)))
    assert weighed.by_group["products"] == pytest.approx(plain.by_group["products"])
    assert weighed.by_group["few-row products"] == pytest.approx(3 * plain.by_group["few-row products"])
    assert weighed.by_group["moved"] == pytest.approx(2 * plain.by_group["moved"])
    assert sum(weighed.by_group.values()) == pytest.approx(weighed.seconds)


def test_without_a_count_of_faults_only_outputs_above_32_mib_are_mapped_anew() -> None:
    machine = profile(page_fault_s_per_byte=1e-9)
    small = Op("pointwise", "add", (), "fp32", 0, 32 * 2**20, 3)
    large = Op("pointwise", "add", (), "fp32", 0, 32 * 2**20 + 4, 3)
    assert price_step([small], 0, machine).by_family["page faults"] == 0
    assert price_step([large], 0, machine).by_family["page faults"] == pytest.approx(
        3 * large.written_bytes * 1e-9
    )


def test_a_gradient_of_a_weight_has_a_surface_of_its_own() -> None:
    forward = Op("matmul", "addmm", (1, 256, 768, 3072), "fp32", 0, 0, 1)
    of_input = Op("matmul", "mm", (1, 256, 3072, 768), "fp32", 0, 0, 1)
    of_weight = Op("matmul", "mm", (1, 768, 3072, 256), "fp32", 0, 0, 1)
    assert [op.name for op in name_weight_gradients([forward, of_input, of_weight])] == [
        "addmm",
        "mm",
        "mm_tn",
    ]
    machine = profile({"torch/fp32/mm_tn": linear(factor=5.0)})
    step = price_step([forward, of_input, of_weight], 0, machine, mode="train")
    usual = price_step([forward, of_input, of_weight], 0, machine)
    assert step.seconds > 1.5 * usual.seconds


def test_weights_that_the_cache_keeps_are_cheaper() -> None:
    stream = surface(
        "bytes",
        {(2.0**20 * mb,): 2.0**20 * mb * (1e-11 if mb <= 16 else 5e-11) for mb in (1, 8, 16, 64, 128)},
    )
    machine = profile({"torch/fp32/linear_warm": linear(factor=0.5), "torch/fp32/stream": stream})
    small = Op("matmul", "addmm", (1, 4, 768, 768), "fp32", 0, 0, 3)
    large = small._replace(count=60)
    assert cold_share([small], machine, "torch", "fp32") == 0
    assert cold_share([large], machine, "torch", "fp32") == 1
    cheap = price_step([small], 0, machine).seconds / 3
    assert cheap == pytest.approx(0.5 * linear_s(4, 768, 768), rel=0.01)
    assert price_step([large], 0, machine).seconds / 60 == pytest.approx(linear_s(4, 768, 768), rel=0.01)


def test_an_operator_without_any_surface_is_priced_by_its_bytes_and_marked() -> None:
    strange = Op("convolution", "convolution", (1, 3, 768, 1, 256, 196), "fp32", 10**6, 10**6, 1)
    seconds, outside = price_op(strange, profile())
    assert seconds == outside == pytest.approx(moved_s(2e6), rel=0.01)
    wide = price_step([strange], 0, profile())
    assert wide.outside_share == 1
    narrow = price_step([LINEAR], 0, profile())
    assert wide.high / wide.seconds > 1.5 * narrow.high / narrow.seconds


def test_what_was_not_profiled_is_refused_and_named() -> None:
    with pytest.raises(UsageError, match="onnxruntime"):
        price_step([LINEAR], 0, profile(), "onnxruntime")
    with pytest.raises(UsageError, match="allowed: fp32"):
        price_step([LINEAR], 0, profile(), "torch", "bf16")
    with pytest.raises(UsageError, match="unknown engine"):
        price_step([LINEAR], 0, profile(), "abacus")


def test_onnx_runtime_pays_the_session_and_its_own_products() -> None:
    machine = profile(
        {"onnxruntime/int8/linear": linear(factor=0.25), "onnxruntime/fp32/add": curve()},
        onnxruntime__session_s=1e-4,
    )
    price = price_step([LINEAR, ADD], 500, machine, "onnxruntime", "int8")
    assert price.by_family["session"] == 1e-4
    assert price.by_family["matmul"] == pytest.approx(3 * linear_s(128, 768, 768), rel=0.01)
    assert "python" not in price.by_family


def test_on_a_gpu_issuing_kernels_and_running_them_go_on_together() -> None:
    card = profile(torch__infer__module_s=1e-5, torch__launch_s=1e-5)
    card.device["kind"] = "gpu"  # type: ignore[index]
    tiny = Op("pointwise", "add", (), "fp32", 40, 40, 100)
    busy = price_step([LINEAR], 5, card)
    assert busy.by_family["python"] == 0
    idle = price_step([tiny], 30, card)
    assert idle.seconds == pytest.approx(100 * 1e-5 + 30 * 1e-5)


def test_the_optimiser_goes_by_each_tensor() -> None:
    machine = profile({"torch/fp32/optimiser_adamw-plain": curve(), "torch/fp32/optimiser_sgd": curve(0.1)})
    parameters = [((768, 768), 12), ((768,), 24)]
    expected = 12 * moved_s(4 * 768 * 768) + 24 * moved_s(4 * 768)
    assert price_optimiser(parameters, machine) == pytest.approx(expected, rel=0.02)
    assert price_optimiser(parameters, machine, "adamw") == price_optimiser(
        parameters, machine, "adamw-plain"
    )
    assert price_optimiser(parameters, machine, "sgd") == pytest.approx(0.1 * expected, rel=0.02)
    with pytest.raises(UsageError, match="adamw-plain, sgd"):
        price_optimiser(parameters, machine, "adafactor")


def test_a_model_is_priced_in_milliseconds() -> None:
    ops = [
        Op("matmul", "addmm", (1, m, 700 + n, 900), "fp32", 0, 0, 1) for m in range(1, 21) for n in range(10)
    ]
    machine = profile()
    before = time.perf_counter()
    price_step(ops, 100, machine)
    first_s = time.perf_counter() - before
    before = time.perf_counter()
    price_step(ops, 100, machine)
    assert time.perf_counter() - before < first_s
    assert first_s < 0.25  # 200 different shapes, on a busy machine
