"""Floating-point operations of one batch. One multiply-add is 2 FLOPs."""

from __future__ import annotations

from fitwright.sizing.parameters import count
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

TRAINING_FACTOR = 3
"""Forward and backward pass together, in forward passes: backward forms two products for each one."""

_WHISPER_FRAMES = 1500
_SEQUENCE_FREE = ("fnet", "mamba")
_GATED = "gated"


def forward(spec: ModelSpec, workload: Workload) -> int | None:
    """FLOPs of one forward pass over ``workload.batch`` rows of ``workload.seq`` tokens.

    ``2 · N · tokens`` for the matrix products, N the parameters that a token is multiplied with, plus
    ``4 · S · A`` per token and layer for the attention scores and their use, A the attention width. Source:
    Kaplan et al. 2020 (arXiv:2001.08361), table 1. N is non-embedding, plus the vocabulary projection where
    the class is a language model and shares that matrix with the input; encoders are priced as used for
    classification, without one. In an encoder-decoder both stacks read ``seq`` tokens (speech: 1,500 frames).
    An image model reads its patches, whatever ``seq`` says.

    Known error: a few per cent low for what is no matrix product; DeBERTa's position terms and the
    sparse patterns of Longformer and BigBird (counted as full attention) are not modelled.

    Returns:
        ``None`` for convolutional, windowed-vision and multimodal models: this formula does not hold there.
    """
    if spec.kind in ("encoder", "decoder", "rnn"):
        return _one_stack(spec, workload.batch, workload.seq)
    if spec.kind == "encoder-decoder":
        return _two_stacks(spec, workload.batch, workload.seq)
    if spec.kind == "vision" and "layers" in spec.dims:
        return _one_stack(spec, workload.batch, image_tokens(spec))
    return None


def per_batch(spec: ModelSpec, workload: Workload) -> int | None:
    """FLOPs of what the workload asks for: a forward pass, or a whole training step."""
    once = forward(spec, workload)
    if once is None:
        return None
    return once * (TRAINING_FACTOR if workload.mode == "train" else 1)


def image_tokens(spec: ModelSpec) -> int:
    """Patches of one image plus the class token."""
    return (spec.dims["image_size"] // spec.dims["patch_size"]) ** 2 + 1


def attention_width(spec: ModelSpec) -> int:
    """Heads × head width; the hidden width where the head width is not stated."""
    heads, head_dim = spec.dims.get("heads"), spec.dims.get("head_dim")
    return heads * head_dim if heads and head_dim else spec.dims["hidden"]


def has_vocabulary_output(spec: ModelSpec) -> bool:
    """True where a use of the model computes a score for every word of the vocabulary."""
    return spec.kind in ("decoder", "encoder-decoder", "rnn")


def _one_stack(spec: ModelSpec, batch: int, seq: int) -> int | None:
    multiplied = _multiplied(spec)
    if multiplied is None:
        return None
    products = 2 * multiplied * batch * seq
    if spec.model_type in _SEQUENCE_FREE:
        return products
    return products + 4 * batch * seq * seq * attention_width(spec) * spec.dims["layers"]


def _multiplied(spec: ModelSpec) -> int | None:
    """Parameters that each token meets as a factor."""
    dims, parts = spec.dims, count(spec)
    if spec.model_type == "albert":  # one layer's weights, used by every layer
        return dims["layers"] * (4 * dims["hidden"] ** 2 + 2 * dims["hidden"] * dims["ffn"])
    if parts.active is not None:
        total = round(parts.active.value)
    else:
        total = parts.total
    if spec.kind == "vision":
        return total
    if parts.embedding is None:
        return None
    return total - parts.embedding + _shared_output(spec, parts.embedding)


def _shared_output(spec: ModelSpec, embedding: int) -> int:
    """The input matrix once more, where it is also the output's."""
    if not has_vocabulary_output(spec):
        return 0
    untied = "warning" in spec.facts or spec.facts.get("lm_head_tied") is False
    return 0 if untied else embedding


def _two_stacks(spec: ModelSpec, batch: int, seq: int) -> int | None:
    dims, parts = spec.dims, count(spec)
    if parts.non_embedding is None or parts.embedding is None:
        return None
    width, hidden, ffn = attention_width(spec), dims["hidden"], dims["ffn"]
    read = _WHISPER_FRAMES if spec.model_type == "whisper" else seq
    feed_forward = (3 if _is_gated(spec) else 2) * hidden * ffn
    encoder = dims["encoder_layers"] * (4 * hidden * width + feed_forward)
    decoder = dims["decoder_layers"] * (8 * hidden * width + feed_forward)
    separate = 0 if _shared_output(spec, parts.embedding) else parts.embedding
    body = parts.non_embedding - separate
    share = encoder / (encoder + decoder)
    products = 2 * body * (share * read + (1 - share) * seq) + 2 * parts.embedding * seq
    scores = (
        4 * width * (dims["encoder_layers"] * read * read + dims["decoder_layers"] * (seq * seq + seq * read))
    )
    return round(batch * (products + scores))


def _is_gated(spec: ModelSpec) -> bool:
    config = spec.facts.get("config", {})
    return _GATED in str(config.get("feed_forward_proj", ""))
