from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pytest

from fitwright.compression.quantize import needs_reduced_range, quantize_int8
from fitwright.core.errors import RunError, UsageError
from fitwright.data.batching import pad
from fitwright.data.tokens import TextTokenizer
from fitwright.engines.onnxruntime import OnnxRuntimeEngine

GRAPH = "engines/onnxruntime/model.onnx"


@pytest.fixture(scope="module")
def quantized(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("int8") / "new" / "model.onnx"
    quantize_int8(tiny_bundle / GRAPH, output)
    return output


def test_the_file_is_a_third_at_most_because_embeddings_are_int8_too(
    quantized: Path, tiny_bundle: Path
) -> None:
    assert quantized.stat().st_size <= (tiny_bundle / GRAPH).stat().st_size / 3
    largest = max(onnx.load(quantized).graph.initializer, key=lambda weight: np.prod(weight.dims))
    assert largest.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    assert 30522 in largest.dims


def test_answers_stay_close_and_follow_the_text(
    quantized: Path, tiny_bundle: Path, sentences: list[tuple[str, str]]
) -> None:
    tokenizer = TextTokenizer.load(tiny_bundle, 64)
    batch = pad(tokenizer.encode([text for text, _ in sentences[:16]]), tokenizer.pad_id)
    exact = OnnxRuntimeEngine.load(tiny_bundle / GRAPH).logits(*batch)
    rounded = OnnxRuntimeEngine.load(quantized).logits(*batch)
    margin_exact, margin_rounded = exact[:, 1] - exact[:, 0], rounded[:, 1] - rounded[:, 0]
    assert np.abs(exact - rounded).max() < 0.5 * np.ptp(exact)
    assert np.corrcoef(margin_exact, margin_rounded)[0, 1] > 0.8


def test_seven_bits_use_half_the_range(tiny_bundle: Path, tmp_path: Path) -> None:
    quantize_int8(tiny_bundle / GRAPH, tmp_path / "7.onnx", reduce_range=True)
    weights = [
        onnx.numpy_helper.to_array(weight)
        for weight in onnx.load(tmp_path / "7.onnx").graph.initializer
        if weight.data_type == onnx.TensorProto.INT8 and len(weight.dims) == 2
    ]
    assert weights
    assert max(np.abs(weight.astype(int)).max() for weight in weights) <= 64


@pytest.mark.parametrize(
    ("flags", "machine", "reduced"),
    [
        ({"avx2", "avx512f"}, "x86_64", True),
        ({"avx2", "avx512_vnni"}, "x86_64", False),
        ({"avx2", "avx_vnni"}, "AMD64", False),
        ({"amx_int8"}, "x86_64", False),
        (set(), "AMD64", True),
        ({"asimd", "asimddp"}, "aarch64", False),
        (set(), "arm64", False),
    ],
)
def test_seven_bits_where_products_saturate(flags: set[str], machine: str, reduced: bool) -> None:
    assert needs_reduced_range(frozenset(flags), machine) is reduced


def test_nothing_is_printed_or_logged(
    tiny_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        quantize_int8(tiny_bundle / GRAPH, tmp_path / "model.onnx")
        logging.getLogger().warning("still heard")
    assert caplog.messages == ["still heard"]
    assert capfd.readouterr().out == ""


def test_a_missing_or_broken_file_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not found"):
        quantize_int8(tmp_path / "absent.onnx", tmp_path / "out" / "model.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"\x00 no graph")
    with pytest.raises(RunError, match="cannot be quantised") as caught:
        quantize_int8(tmp_path / "broken.onnx", tmp_path / "out" / "model.onnx")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / "model.onnx").exists()
