"""The graphs of ONNX Runtime compute what they stand for, and hold the operators that serving runs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from fitwright.sizing.profiling import onnx_encoder, onnx_graphs, onnx_runtime
from fitwright.sizing.profiling.cells import CellPlan

SHAPE: onnx_encoder.Shape = (2, 16, 64, 2)


def run(model: bytes, **given: Any) -> Any:
    return onnx_runtime.sessions(1)(model).run(None, given)[0]


def operators(model: bytes, folder: Path) -> list[str]:
    """What the session runs after its own rewriting."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node]


def test_int8_products_are_fused_as_in_a_quantised_model(tmp_path: Path) -> None:
    found = operators(onnx_graphs.linear_chain(64, 32, 2, "int8"), tmp_path)
    assert "MatMulInteger" not in found
    assert sum(name in ("DynamicQuantizeMatMul", "MatMulIntegerToFloat") for name in found) == 4


def test_int8_answers_are_near_those_of_fp32() -> None:
    x = np.random.default_rng(0).standard_normal((1, 8, 64), dtype=np.float32)
    exact, near = (
        run(onnx_graphs.linear_chain(128, 64, 2, precision), x=x) for precision in ("fp32", "int8")
    )
    assert exact.shape == near.shape == (1, 8, 64)
    assert np.abs(exact - near).max() < 0.1 * np.abs(exact).max()


def test_attention_is_softmax_of_scores_times_values() -> None:
    heads, width, tokens = 2, 4, 5
    q, k, v = (np.random.default_rng(n).standard_normal((1, tokens, 8), dtype=np.float32) for n in range(3))
    mask = np.zeros((1, 1, tokens, tokens), np.float32)
    mask[..., -1] = -1e9
    found = run(onnx_graphs.attention_chain(heads, width, 1), q=q, k=k, v=v, mask=mask)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        scores = q[0, :, part] @ k[0, :, part].T / math.sqrt(width) + mask[0, 0]
        share = np.exp(scores - scores.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        np.testing.assert_allclose(found[0, :, part], share @ v[0, :, part], rtol=1e-4, atol=1e-5)


def test_an_encoder_keeps_its_shape_and_its_size(tmp_path: Path) -> None:
    model = onnx_graphs.encoder(*SHAPE, "fp32")
    x = np.random.default_rng(0).standard_normal((3, 7, 32), dtype=np.float32)
    found = run(model, x=x, mask=np.zeros((3, 1, 7, 7), np.float32))
    assert found.shape == (3, 7, 32)
    assert 0.5 < found.std() < 2
    names = operators(model, tmp_path)
    assert sum(name in ("MatMul", "FusedMatMul", "Gemm") for name in names) == 2 * 8


def test_the_encoders_operators_count_its_flops() -> None:
    ops = onnx_encoder.encoder_ops(SHAPE, 3, 7)
    heads, width, feed_forward, layers = SHAPE
    hidden = heads * width
    flops = sum(2 * math.prod(op.dims) * op.count for op in ops if op.family == "matmul")
    assert flops == layers * 3 * 7 * 2 * (4 * hidden**2 + 2 * hidden * feed_forward)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_smallest_cell_of_every_surface_runs(precision: str) -> None:
    smallest: dict[str, CellPlan] = {}
    plans = list(onnx_runtime.cells(precision, 1))
    assert len({plan.name for plan in plans}) == len(plans)
    for plan in (*plans, onnx_runtime.session_cell(1)):
        other = smallest.get(plan.surface)
        if other is None or math.prod(plan.at) < math.prod(other.at):
            smallest[plan.surface] = plan
    for plan in smallest.values():
        refresh, call = plan.prepare()
        refresh()
        assert all(np.isfinite(value).all() for value in call())  # type: ignore[attr-defined]
    assert len(smallest) == (12 if precision == "fp32" else 3)
