"""A model directory read like a catalogue row: sizes from ``config.json``, counts from the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fitwright.catalog import store
from fitwright.catalog.safetensors_header import Tensor, read_tensors
from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.spec.model import Kind, ModelSpec

_NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "d_model", "dim", "n_embd"),
    "layers": ("num_hidden_layers", "n_layers", "n_layer"),
    "heads": ("num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads"),
    "kv_heads": ("num_key_value_heads",),
    "head_dim": ("head_dim", "d_kv"),
    "ffn": ("intermediate_size", "hidden_dim", "d_ff", "n_inner", "encoder_ffn_dim", "ffn_dim"),
    "vocab": ("vocab_size",),
    "max_positions": ("max_position_embeddings", "n_positions"),
    "embedding_size": ("embedding_size",),
    "image_size": ("image_size",),
    "patch_size": ("patch_size",),
}
"""Our name of a size → the names it has in ``config.json`` files; the first one present counts."""

_EMBEDDINGS = (
    "word_embeddings.weight", "wte.weight", "embed_tokens.weight", "tok_embeddings.weight",
    "shared.weight", "embed_in.weight", "word_embedding.weight", "tokens_embed.weight",
)  # fmt: skip
_SHORTER_BY_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer")
_PADDING_POSITIONS = 2


def read_model_directory(path: Path) -> ModelSpec:
    """Facts about the model in ``path``, a folder with ``config.json`` and safetensors weights.

    The parameter count is the stored tensors' own, so it is exact; no weight is loaded.

    Raises:
        UsageError: no such folder, no ``config.json``, or a field is missing in it (it is named).
        DataError: no safetensors weights, or a broken header.
    """
    if not path.is_dir():
        raise UsageError("model directory not found", got=str(path))
    config = read_json(path / "config.json", what="config.json of the model directory")
    if not isinstance(config, dict):
        raise UsageError("config.json must hold an object", got=str(path / "config.json"))
    model_type = _required(config, "model_type", path)
    architecture = str((config.get("architectures") or [""])[0])
    kind = _kind(model_type, architecture, path)
    tensors = [tensor for tensor in read_tensors(path) if tensor.is_parameter]
    dims = _dims(config, kind, path)
    return ModelSpec(
        id=str(path),
        name=path.name,
        family=model_type,
        kind=kind,
        model_type=model_type,
        architecture=architecture or f"{model_type} (class not named in config.json)",
        dims=dims,
        parameters=sum(tensor.count for tensor in tensors),
        embedding_parameters=_embedding(tensors),
        max_sequence_length=_longest(dims, model_type),
        open_weights=True,
        tasks=_tasks(kind, architecture),
        sources=(str(path / "config.json"), "safetensors header"),
        confidence="verified",
        weights=str(path),
        facts={"config": config, "lm_head_tied": _tied(tensors)},
    )


def _required(config: Mapping[str, Any], field: str, path: Path) -> str:
    value = config.get(field)
    if not value:
        raise UsageError(f"config.json has no {field!r}", got=str(path / "config.json"))
    return str(value)


def _kind(model_type: str, architecture: str, path: Path) -> Kind:
    """As the catalogue has it for the same type, else from the ending of the class name."""
    for spec in store.load_all():
        if spec.model_type == model_type:
            return spec.kind
    for ending, kind in (
        ("ForCausalLM", "decoder"), ("LMHeadModel", "decoder"),
        ("ForConditionalGeneration", "encoder-decoder"), ("ForImageClassification", "vision"),
        ("ForMaskedLM", "encoder"), ("ForSequenceClassification", "encoder"),
        ("ForTokenClassification", "encoder"),
    ):  # fmt: skip
        if architecture.endswith(ending):
            return cast(Kind, kind)
    raise UsageError(
        "config.json names an architecture of an unknown kind", got=f"{model_type} {architecture}".strip(),
        mend=f"Name the class in 'architectures' of {path / 'config.json'}.",
    )  # fmt: skip


def _dims(config: Mapping[str, Any], kind: Kind, path: Path) -> dict[str, int]:
    dims: dict[str, int] = {}
    for ours, theirs in _NAMES.items():
        value = next((config[name] for name in theirs if isinstance(config.get(name), int)), None)
        if value is not None:
            dims[ours] = value
    if kind == "encoder-decoder":
        dims.pop("layers", None)
        encoder = config.get("encoder_layers", config.get("num_layers"))
        decoder = config.get("decoder_layers", config.get("num_decoder_layers", encoder))
        for ours, value in (("encoder_layers", encoder), ("decoder_layers", decoder)):
            if not isinstance(value, int):
                raise UsageError(f"config.json has no {ours!r}", got=str(path / "config.json"))
            dims[ours] = value
    elif kind in ("encoder", "decoder"):
        for ours in ("hidden", "layers"):
            if ours not in dims:
                raise UsageError(f"config.json has no {_NAMES[ours][0]!r}", got=str(path / "config.json"))
    return dims


def _embedding(tensors: list[Tensor]) -> int | None:
    return next((tensor.count for tensor in tensors if tensor.name.endswith(_EMBEDDINGS)), None)


def _tied(tensors: list[Tensor]) -> bool:
    """True where no separate output matrix is stored."""
    return not any(tensor.name.endswith(("lm_head.weight", "embed_out.weight")) for tensor in tensors)


def _longest(dims: Mapping[str, int], model_type: str) -> int | None:
    positions = dims.get("max_positions")
    if positions is None:
        return None
    return positions - (_PADDING_POSITIONS if model_type in _SHORTER_BY_PADDING else 0)


def _tasks(kind: Kind, architecture: str) -> tuple[str, ...]:
    endings = {
        "ForSequenceClassification": ("text-classification",),
        "ForTokenClassification": ("token-classification",),
        "ForQuestionAnswering": ("question-answering",),
        "ForImageClassification": ("image-classification",),
        "ForMaskedLM": ("fill-mask", "feature-extraction"),
    }
    for ending, tasks in endings.items():
        if architecture.endswith(ending):
            return tasks
    by_kind: dict[str, tuple[str, ...]] = {
        "encoder": ("feature-extraction",), "decoder": ("text-generation",),
        "encoder-decoder": ("text2text-generation",),
    }  # fmt: skip
    return by_kind.get(kind, ())
