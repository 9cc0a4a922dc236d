"""Small models of many families, and one step of theirs recorded with every layer at one point."""

from __future__ import annotations

from collections import Counter

from fitwright.sizing.trace.conditions import Conditions
from fitwright.sizing.trace.expand import expand
from fitwright.sizing.trace.program import Trace

_TEXT = {"vocab_size": 97}
_BERT = {
    **_TEXT, "hidden_size": 32, "num_hidden_layers": 8, "num_attention_heads": 2, "intermediate_size": 48,
    "max_position_embeddings": 160, "pad_token_id": 1,
}  # fmt: skip
_LLAMA = {**_BERT, "num_key_value_heads": 1}
_T5 = {
    **_TEXT, "d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 7, "num_decoder_layers": 8, "num_heads": 2,
}  # fmt: skip
_BART = {
    **_TEXT, "d_model": 32, "encoder_layers": 7, "decoder_layers": 8, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
    "max_position_embeddings": 160,
    "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2,
}  # fmt: skip
_CLIP_TOWER = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 7, "num_attention_heads": 2,
}  # fmt: skip

CONFIGS = {
    "bert": ("BertForMaskedLM", _BERT),
    "gpt2": ("GPT2LMHeadModel", {**_TEXT, "n_layer": 8, "n_embd": 32, "n_head": 2, "n_positions": 160}),
    "llama": ("LlamaForCausalLM", _LLAMA),
    "t5": ("T5ForConditionalGeneration", _T5),
    "bart": ("BartForConditionalGeneration", _BART),
    "deberta-v2": (
        "DebertaV2ForSequenceClassification",
        {
            **_BERT, "relative_attention": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm",
            "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
            "type_vocab_size": 0,
        },
    ),
    "vit": (
        "ViTForImageClassification",
        {**_BERT, "image_size": 32, "patch_size": 8, "num_channels": 3},
    ),
    "mpnet": ("MPNetForMaskedLM", _BERT),
    "opt": (
        "OPTForCausalLM",
        {
            **_TEXT, "hidden_size": 32, "word_embed_proj_dim": 32, "num_hidden_layers": 8,
            "num_attention_heads": 2, "ffn_dim": 48, "max_position_embeddings": 160,
        },
    ),
    "whisper": (
        "WhisperForConditionalGeneration",
        {**_BART, "num_mel_bins": 8, "max_source_positions": 48, "max_target_positions": 160},
    ),
    "clip": (
        "CLIPModel",
        {
            "projection_dim": 16,
            "text_config": {**_CLIP_TOWER, **_TEXT, "max_position_embeddings": 160, "eos_token_id": 2},
            "vision_config": {**_CLIP_TOWER, "image_size": 32, "patch_size": 8},
        },
    ),
}  # fmt: skip
"""Type → (class, config): every stack has at least seven layers, so that some are left out of the trace."""


def values(model_type: str) -> dict[str, object]:
    """What ``config.json`` of the small model would hold."""
    return {"model_type": model_type, **CONFIGS[model_type][1]}


def traced(model_type: str, conditions: Conditions, **options: object) -> Trace:
    """The trace of the small model, one of each run of equal layers."""
    from fitwright.sizing.tracing.interface import trace

    return trace(values(model_type), conditions, architecture=CONFIGS[model_type][0], **options)


def recorded(model_type: str, conditions: Conditions, batch: int, seq: int) -> Trace:
    """Every layer of the small model, recorded at this very point."""
    import torch

    from fitwright.sizing.tracing import join, model
    from fitwright.sizing.tracing.interface import _quiet
    from fitwright.sizing.tracing.step import record_step

    with _quiet():
        config = model.config_of(values(model_type), "test")
        model_class = model.class_of(config, CONFIGS[model_type][0])
        dtype = torch.bfloat16 if conditions.precision == "low" else torch.float32
        built = model.prepare(config, model_class, conditions.attention, dtype=dtype, whole=True)
        recording = record_step(
            built.model, built.stacks, mode=conditions.mode, batch=batch, seq=seq,
            device_kind=conditions.device, checkpointing=conditions.checkpointing,
            autocast=torch.bfloat16 if conditions.precision == "autocast" else None,
        )  # fmt: skip
    parts = {"parameters": built.parameters, "buffer_bytes": built.buffer_bytes}
    return join.at_one_point(recording, (batch, seq), extra=built.extra, parts=parts)


def course(trace: Trace, batch: int, seq: int) -> list[int]:
    """Live bytes after each tensor that comes, and at the end; tensors may go together in any order."""
    sizes = trace.sizes_at(batch, seq)
    live, found = 0, []
    for event in expand(trace):
        live += sizes[event.slot] if event.comes else -sizes[event.slot]
        if event.comes:
            found.append(live)
    return [*found, live]


def operators(trace: Trace, batch: int, seq: int) -> Counter[tuple[object, ...]]:
    """How often each operator runs with which shapes and traffic."""
    found: Counter[tuple[object, ...]] = Counter()
    for op in trace.ops_at(batch, seq):
        found[op[:-1]] += op.count
    return found
