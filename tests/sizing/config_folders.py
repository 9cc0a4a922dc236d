"""Folders with the ``config.json`` of a small model of many types, and an independent count of each."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

TEXT = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,
    "vocab_size": 99,
}  # fmt: skip
GPT = {"n_embd": 24, "n_layer": 3, "n_head": 4, "vocab_size": 99, "n_positions": 50}
STACKS = {
    "d_model": 24, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 40, "decoder_ffn_dim": 56, "vocab_size": 99,
    "pad_token_id": 1,
}  # fmt: skip
T5 = {
    "vocab_size": 99, "d_model": 24, "d_kv": 5, "d_ff": 40, "num_layers": 3, "num_decoder_layers": 2,
    "num_heads": 4,
}  # fmt: skip
IMAGE = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 40,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
STAGES = {
    "embed_dim": 8, "depths": [1, 2], "num_heads": [2, 4], "image_size": 32, "patch_size": 4,
    "window_size": 4,
}  # fmt: skip
AUDIO = {
    "conv_dim": [8, 8], "conv_stride": [5, 2], "conv_kernel": [10, 3], "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
SPEECH = {"num_mel_bins": 8, "max_source_positions": 30, "max_target_positions": 20}
FUNNEL = {
    "vocab_size": 99, "block_sizes": [2, 2], "block_repeats": [1, 1], "d_model": 24, "n_head": 4, "d_head": 6,
    "d_inner": 40,
}  # fmt: skip
RECURRENT = {
    "hidden_size": 24, "num_hidden_layers": 2, "vocab_size": 99, "num_heads": 12, "head_dim": 4,
    "n_groups": 2, "state_size": 8,
}  # fmt: skip
EXPERTS = {
    "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "num_key_value_heads": 2,
    "head_dim": 6,
}  # fmt: skip
TOWERS = {"text_config": {**TEXT, "max_position_embeddings": 20}, "vision_config": IMAGE}
LLAVA = {
    "text_config": {"model_type": "llama", **TEXT},
    "vision_config": {"model_type": "clip_vision_model", **IMAGE},
}
DISTILBERT = {"dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 40, "vocab_size": 99}
BLOOM = {"hidden_size": 24, "n_layer": 2, "n_head": 4, "vocab_size": 99}
CONVOLUTIONS = {"hidden_sizes": [8, 16], "depths": [1, 2], "num_stages": 2}
KEYS = {**TEXT, "num_key_value_heads": 2}

CASES: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("BertConfig", {**TEXT, "type_vocab_size": 3}, "BertForPreTraining", "encoder"),
    ("BertConfig", {**TEXT, "num_labels": 7}, "BertForSequenceClassification", "encoder"),
    ("RobertaConfig", {**TEXT, "max_position_embeddings": 34}, "RobertaForMaskedLM", "encoder"),
    ("CamembertConfig", TEXT, None, "encoder"),
    ("DistilBertConfig", DISTILBERT, None, "encoder"),
    ("AlbertConfig", {**TEXT, "embedding_size": 10}, "AlbertForMaskedLM", "encoder"),
    ("ElectraConfig", {**TEXT, "embedding_size": 10}, "ElectraForPreTraining", "encoder"),
    ("DebertaV2Config", {**TEXT, "relative_attention": True, "position_buckets": 8}, None, "encoder"),
    ("ModernBertConfig", {**TEXT, "pad_token_id": 0}, "ModernBertForMaskedLM", "encoder"),
    ("RoFormerConfig", {**TEXT, "embedding_size": 24}, "RoFormerForMaskedLM", "encoder"),
    ("ConvBertConfig", TEXT, None, "encoder"),
    ("FunnelConfig", FUNNEL, "FunnelForMaskedLM", "encoder"),
    ("Wav2Vec2Config", {**TEXT, **AUDIO}, "Wav2Vec2ForCTC", "encoder"),
    ("GPT2Config", GPT, "GPT2LMHeadModel", "decoder"),
    ("GPT2Config", GPT, "GPT2ForSequenceClassification", "decoder"),
    ("GPTNeoXConfig", TEXT, "GPTNeoXForCausalLM", "decoder"),
    ("BloomConfig", BLOOM, "BloomForCausalLM", "decoder"),
    ("LlamaConfig", KEYS, "LlamaForCausalLM", "decoder"),
    ("LlamaConfig", {**TEXT, "tie_word_embeddings": True}, "LlamaForCausalLM", "decoder"),
    ("Qwen3MoeConfig", {**TEXT, **EXPERTS}, "Qwen3MoeForCausalLM", "decoder"),
    ("GraniteConfig", KEYS, None, "decoder"),
    ("Cohere2Config", KEYS, "Cohere2ForCausalLM", "decoder"),
    ("Mamba2Config", RECURRENT, "Mamba2ForCausalLM", "decoder"),
    ("BartConfig", STACKS, "BartForConditionalGeneration", "encoder-decoder"),
    ("BartConfig", STACKS, "BartForCausalLM", "decoder"),
    ("WhisperConfig", {**STACKS, **SPEECH}, "WhisperForConditionalGeneration", "encoder-decoder"),
    ("T5Config", T5, "T5ForConditionalGeneration", "encoder-decoder"),
    ("T5Config", T5, "T5EncoderModel", "encoder"),
    ("T5Config", T5, None, "encoder-decoder"),
    ("ViTConfig", {**IMAGE, "num_labels": 5}, "ViTForImageClassification", "vision"),
    ("BeitConfig", IMAGE, None, "vision"),
    ("SwinConfig", STAGES, "SwinForImageClassification", "vision"),
    ("ConvNextV2Config", CONVOLUTIONS, "ConvNextV2ForImageClassification", "cnn"),
    ("CLIPConfig", {**TOWERS, "projection_dim": 12}, "CLIPModel", "multimodal"),
    ("SiglipConfig", TOWERS, "SiglipModel", "multimodal"),
    ("BlipConfig", {**TOWERS, "projection_dim": 12}, "BlipForConditionalGeneration", "multimodal"),
    ("CLIPTextConfig", {**TEXT, "projection_dim": 12}, "CLIPTextModelWithProjection", "encoder"),
    ("LlavaConfig", LLAVA, "LlavaForConditionalGeneration", "multimodal"),
]
"""Configuration class, sizes, architecture (``None``: the base class of the type), kind."""


def saved(folder: Path, name: str, sizes: dict[str, Any], architecture: str | None, **changes: Any) -> Path:
    """A folder with the ``config.json`` that the library writes, and nothing else."""
    import transformers

    config = getattr(transformers, name)(**sizes)
    config.architectures = None if architecture is None else [architecture]
    config.save_pretrained(folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def independent(folder: Path, architecture: str | None) -> int:
    """Parameters of the class, by the library's own way from a folder to a model."""
    import torch
    import transformers

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")
        config = transformers.AutoConfig.from_pretrained(folder)
        if architecture is None:
            model = transformers.AutoModel.from_config(config)
        else:
            model = getattr(transformers, architecture)(config)
    return sum(tensor.numel() for tensor in {id(p): p for p in model.parameters()}.values())
