"""What a shrunk variant of a model would need: fewer layers, narrower values, another engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fitwright.core.errors import UsageError
from fitwright.sizing.corrections import Corrections
from fitwright.sizing.latency import closed_form as latency
from fitwright.sizing.memory import closed_form as memory
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

BERT_LIKE = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "ernie", "deberta-v2")
"""Types whose layer is four square projections, two feed-forward matrices, biases and two layer norms."""

PROCESS_BYTES: Mapping[str, tuple[float, float, float]] = {
    "torch": (5.1e8, 2.5e8, 9.0e8),
    "onnxruntime": (6.0e7, 4.0e7, 2.5e8),
}
"""Engine → process bytes before any weight (value, low, high): resident sizes after importing torch 2.13 with
transformers 5.18, and ONNX Runtime 1.31 with tokenizers, on Linux; with and without what is loaded lazily."""

_LAYER_SHARE_SPREAD = 0.15
_FILE_OVERHEAD = 1.03


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer's parameters: in matrices, and in vectors (biases, norms) that quantisation leaves alone."""

    matrices: int
    vectors: int

    @property
    def total(self) -> int:
        return self.matrices + self.vectors


def layer_of(spec: ModelSpec) -> Layer | None:
    """Parameters of one encoder layer, exact; ``None`` where the type has another layer.

    With width h and feed-forward width f: matrices 4h² + 2hf; vectors 4h (projection biases) + f + h
    (feed-forward biases) + 4h (two layer norms). Counted from the modules of ``BertLayer`` in transformers.
    """
    if spec.model_type not in BERT_LIKE or "ffn" not in spec.dims or spec.kind != "encoder":
        return None
    hidden, ffn = spec.dims["hidden"], spec.dims["ffn"]
    return Layer(matrices=4 * hidden**2 + 2 * hidden * ffn, vectors=9 * hidden + ffn)


def variant_spec(spec: ModelSpec, layers: int) -> tuple[ModelSpec, Quantity]:
    """``spec`` with its first ``layers`` layers, and its parameter count (exact or estimated).

    Raises:
        UsageError: fewer than one layer, more than the model has, or no single stack of layers.
    """
    if spec.kind == "encoder-decoder" or spec.layers is None:
        raise UsageError(
            "dropping layers is predicted for models with one stack of layers", got=spec.id,
            allowed="encoders and decoders",
        )  # fmt: skip
    if not 1 <= layers <= spec.layers:
        raise UsageError(f"{spec.id} has {spec.layers} layers", got=layers, allowed=f"1 to {spec.layers}")
    parameters = _parameters(spec, layers)
    smaller = replace(
        spec, parameters=round(parameters.value), dims={**spec.dims, "layers": layers}, facts=dict(spec.facts)
    )
    return smaller, parameters


def _parameters(spec: ModelSpec, layers: int) -> Quantity:
    dropped = (spec.layers or layers) - layers
    if dropped == 0 or spec.model_type == "albert":  # ALBERT's layers share one set of weights
        return Quantity.exact(spec.parameters, "1")
    layer = layer_of(spec)
    if layer is not None:
        return Quantity.exact(
            spec.parameters - dropped * layer.total, "1", note="layer counted in closed form"
        )
    body = spec.parameters - (spec.embedding_parameters or 0)
    removed = body * dropped / (spec.layers or 1)
    value, margin = round(spec.parameters - removed), _LAYER_SHARE_SPREAD * removed
    return Quantity.estimated(
        value, "1", low=value - margin, high=value + margin,
        note="layers taken to share the non-embedding parameters evenly",
    )  # fmt: skip


def predict_variant(
    spec: ModelSpec,
    *,
    layers: int,
    precision: str,
    workload: Workload,
    device: Device,
    engine: str = "onnxruntime",
    seq_p95: int | None = None,
    corrections: Corrections | None = None,
) -> Record:
    """Predict a variant with ``layers`` layers at ``precision``, served by ``engine``.

    Args:
        spec: the whole model.
        layers: layers kept, 1 to all.
        precision: ``fp32``, ``bf16`` or ``int8`` (dynamic: matrices and embeddings one byte, vectors fp32).
        workload: batch and the typical tokens of a row; its own precision is not used.
        engine: ``torch`` or ``onnxruntime``.
        seq_p95: tokens of a long row, for ``latency-p95``; the workload's unless given.
        corrections: measured points, as :func:`fitwright.sizing.corrections.from_point` makes them.

    Returns:
        A record with ``parameters``, ``size`` (weight file), ``memory`` (whole process, engine included) and,
        where the device's peak is known, ``latency``, ``latency-p50``, ``latency-p95`` and ``throughput``.
    """
    if engine not in PROCESS_BYTES:
        raise UsageError("unknown engine", got=engine, allowed=", ".join(PROCESS_BYTES))
    corrections = corrections or Corrections()
    smaller, parameters = variant_spec(spec, layers)
    typical = replace(workload, precision=precision)
    found = {
        "parameters": parameters,
        "size": corrections.apply("size", _size(smaller, parameters, precision)),
    }
    needed = memory.estimate(smaller, typical, device)
    if needed is not None:
        found["memory"] = corrections.apply("memory", _process(needed.total, engine))
    long = replace(typical, seq=seq_p95 or workload.seq)
    p50 = latency.estimate(smaller, typical, device, engine=engine)
    p95 = latency.estimate(smaller, long, device, engine=engine)
    if p50 is not None and p95 is not None:
        found |= _speeds(p50, p95, workload.batch, corrections)
    context = {**typical.as_json(), "engine": engine, "layers": layers, "device": device.name}
    return Record(subject=f"{spec.id}, {layers} layers, {precision}", quantities=found, context=context)


def _speeds(p50: Quantity, p95: Quantity, batch: int, corrections: Corrections) -> dict[str, Quantity]:
    plain = corrections.apply("latency", p50)
    median = corrections.apply("latency-p50", p50)
    per_s = Quantity.estimated(
        batch / median.value, "1/s", low=batch / (median.high or median.value),
        high=batch / (median.low or median.value), note="rows a second, one batch at a time",
    )  # fmt: skip
    return {
        "latency": plain, "latency-p50": median, "latency-p95": corrections.apply("latency-p95", p95),
        "throughput": per_s,
    }  # fmt: skip


def _size(spec: ModelSpec, parameters: Quantity, precision: str) -> Quantity:
    """Bytes of the weight file. Vectors stay fp32 at int8; a few per cent for names, scales and the graph."""
    exact = float(memory.weight_bytes(spec.parameters, precision))
    if precision in ("int8", "int4"):
        layer = layer_of(spec)
        vectors = spec.layers * layer.vectors if layer is not None and spec.layers else 0
        exact += vectors * (4 - exact / spec.parameters)
    spread = 1.0 if parameters.origin == "exact" else 1.1
    value, high = exact * (1 + _FILE_OVERHEAD) / 2, exact * _FILE_OVERHEAD * spread
    return Quantity.estimated(
        value, "B", low=exact / spread, high=high,
        note="weight file; tokenizer and configuration not",
    )  # fmt: skip


def _process(tensors: Quantity, engine: str) -> Quantity:
    value, low, high = PROCESS_BYTES[engine]
    return Quantity.estimated(
        tensors.value + value, "B", low=(tensors.low or 0) + low, high=(tensors.high or 0) * 2 + high,
        note=f"whole process: tensors and {engine} itself; loading may hold the weights twice",
    )  # fmt: skip
