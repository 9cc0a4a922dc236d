"""Tiny models with random weights, one of each family, and a padded batch for them."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from transformers import PreTrainedConfig, PreTrainedModel

PAD, LENGTHS = 1, (11, 3, 17, 3, 9, 1, 30)

_USUAL: dict[str, Any] = {
    "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "max_position_embeddings": 64, "pad_token_id": PAD, "num_labels": 3,
}  # fmt: skip
_NAMED: dict[str, Any] = {"vocab_size": 100, "pad_token_id": PAD, "num_labels": 3}
_MARKS = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}

CLASSIFIERS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertConfig", _USUAL),
    "roberta": ("RobertaConfig", _USUAL),
    "xlm-roberta": ("XLMRobertaConfig", _USUAL),
    "electra": ("ElectraConfig", _USUAL | {"embedding_size": 16}),
    "albert": ("AlbertConfig", _USUAL | {"embedding_size": 16}),
    "distilbert": (
        "DistilBertConfig",
        _NAMED | {"dim": 32, "n_layers": 3, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": 64},
    ),
    "modernbert": (
        "ModernBertConfig", _USUAL | _MARKS | {"global_attn_every_n_layers": 2, "local_attention": 6},
    ),
    "llama": ("LlamaConfig", _USUAL | {"num_key_value_heads": 2}),
    "mistral": ("MistralConfig", _USUAL | {"num_key_value_heads": 2, "sliding_window": 5}),
    "qwen2": ("Qwen2Config", _USUAL | {"num_key_value_heads": 2}),
    "gpt2": (
        "GPT2Config",
        _NAMED | {"n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 64, **_MARKS},
    ),
    "gpt-neox": ("GPTNeoXConfig", _USUAL),
    "opt": ("OPTConfig", _USUAL | {"ffn_dim": 48, "word_embed_proj_dim": 32, "dropout": 0.0}),
}  # fmt: skip
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "mpnet": ("MPNetConfig", _USUAL),
    "deberta-v2": ("DebertaV2Config", _USUAL),
    "gemma2": ("Gemma2Config", _USUAL | {"num_key_value_heads": 2, "head_dim": 8}),
}
PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "t5": (
        "T5Config",
        {"vocab_size": 100, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 3, "num_heads": 4,
         "pad_token_id": PAD, "decoder_start_token_id": PAD},
    ),
    "bart": (
        "BartConfig",
        {"vocab_size": 100, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 48,
         "encoder_attention_heads": 4, "decoder_attention_heads": 4, "decoder_ffn_dim": 48,
         "max_position_embeddings": 64, "pad_token_id": PAD},
    ),
}  # fmt: skip
_FAMILIES = CLASSIFIERS | REFUSED | PAIRS


def tiny(family: str) -> PreTrainedModel:
    """A model of that family in ``eval``; its weights are large enough for answers to differ by row."""
    name, settings = _FAMILIES[family]
    config: PreTrainedConfig = getattr(transformers, name)(**settings)
    made_by = (
        transformers.AutoModelForSeq2SeqLM
        if family in PAIRS
        else transformers.AutoModelForSequenceClassification
    )
    torch.manual_seed(0)
    model: PreTrainedModel = made_by.from_config(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return model


def padded(family: str) -> dict[str, torch.Tensor]:
    """Rows of :data:`LENGTHS` random tokens; a pair's decoder sees them in another order."""
    torch.manual_seed(1)
    ids = torch.full((len(LENGTHS), 32), PAD)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = torch.randint(4, 100, (length,))
        mask[row, :length] = 1
    inputs = {"input_ids": ids, "attention_mask": mask}
    if family in PAIRS:
        inputs |= {"decoder_input_ids": ids.roll(1, 0), "decoder_attention_mask": mask.roll(1, 0)}
    return inputs


def answers(model: PreTrainedModel, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What the model says of real tokens (logits, hidden states), and the gradient that follows."""
    output = model(**inputs, output_hidden_states=True)
    found = {"logits": output.logits}
    mask = inputs.get("decoder_attention_mask", inputs["attention_mask"])
    if output.logits.shape[:2] == mask.shape:
        found["logits"] = output.logits * mask[..., None]
    for place, state in enumerate(output.get("hidden_states") or ()):
        found[f"hidden {place}"] = state * inputs["attention_mask"][..., None]
    model.zero_grad()
    (found["logits"].square().mean()).backward()
    gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return {name: value.detach() for name, value in found.items()} | gradients
