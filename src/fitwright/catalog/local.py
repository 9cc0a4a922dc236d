"""A model directory read like a catalogue row: sizes from ``config.json``, counts from the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from fitwright.catalog import config_file, store
from fitwright.catalog.safetensors_header import Tensor, read_tensors
from fitwright.core.errors import UsageError
from fitwright.spec.model import Kind, ModelSpec

_EMBEDDINGS = (
    "word_embeddings.weight", "wte.weight", "embed_tokens.weight", "tok_embeddings.weight",
    "shared.weight", "embed_in.weight", "word_embedding.weight", "tokens_embed.weight",
)  # fmt: skip
_AFTER_PADDING = (
    "roberta", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "camembert", "xmod", "data2vec-text",
    "esm", "ibert", "lilt", "layoutlmv3", "luke", "markuplm", "mpnet", "longformer",
)  # fmt: skip
"""Types whose position ids start behind the padding token's, so that the table is longer than any input."""

_RELATIVE = ("t5", "mt5", "umt5", "longt5", "switch_transformers", "pop2piano", "xlnet", "transfo-xl")
"""Types without a position table: a length in their file is the training length."""

_POSITIONS = ("max_positions", "text_max_positions", "decoder_max_positions")
_NO_HEADS = ("fnet", "mamba", "mamba2", "falcon_mamba", "rwkv")

_ONE_STACK = {
    "hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
    "vocab": "vocab_size",
}  # fmt: skip
_NEEDED: Mapping[str, Mapping[str, str]] = {
    "encoder": _ONE_STACK,
    "decoder": _ONE_STACK,
    "encoder-decoder": {
        "encoder_layers": "encoder_layers", "decoder_layers": "decoder_layers", "vocab": "vocab_size",
    },
}  # fmt: skip
"""Sizes that a file of that kind must state: our name → the commonest in files."""


def read_model_directory(path: Path) -> ModelSpec:
    """Facts about the model in ``path``, a folder with ``config.json`` and safetensors weights.

    The parameter count is the stored tensors' own, so it is exact; no weight is loaded.

    Raises:
        UsageError: no such folder, no ``config.json``, or a field is missing or wrong in it (it is named).
        DataError: no safetensors weights, or a broken header.
    """
    if not path.is_dir():
        raise UsageError("model directory not found", got=str(path))
    source = str(path / "config.json")
    config = config_file.read(path / "config.json")
    config_file.check(config, source)
    model_type = str(config["model_type"])
    architecture = str((config.get("architectures") or [""])[0])
    kind = _known_kind(model_type, architecture, path)
    tensors = [tensor for tensor in read_tensors(path) if tensor.is_parameter]
    dims, longest, note = sizes(config, two_stacks=kind == "encoder-decoder")
    _require(dims, config, kind, source)
    facts: dict[str, Any] = {"config": config, "lm_head_tied": _tied(tensors)}
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
        max_sequence_length=longest,
        open_weights=True,
        tasks=tasks_of(kind, architecture),
        sources=(source, "safetensors header"),
        confidence="verified",
        weights=str(path),
        facts=facts | ({"max_sequence_note": note} if note else {}),
    )


def kind_of(model_type: str, architecture: str) -> Kind | None:
    """As the catalogue has it for the same type, else from the ending of the class name, else ``None``.

    The encoder of an encoder-decoder, used alone, is an encoder.
    """
    if architecture.endswith("EncoderModel"):
        return "encoder"
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
    return None


def sizes(config: Mapping[str, Any], *, two_stacks: bool) -> tuple[dict[str, int], int | None, str]:
    """(sizes as the catalogue has them, the most tokens, why that is no hard limit) of a configuration.

    ``None`` tokens: there is no limit, or it is not known. A type without a position table has no
    ``max_positions``, and its file's length is the one it was trained at.
    """
    dims = config_file.dims(config, two_stacks=two_stacks)
    if config.get("model_type") in _RELATIVE or dims.get("max_positions", 1) < 1:
        dims.pop("max_positions", None)
        return dims, *_trained_at(config, "n_positions", "positions are relative, without a table")
    positions = next((dims[key] for key in _POSITIONS if key in dims), None)
    if positions is None:
        return dims, *_trained_at(config, "seq_length", "there is no position table")  # ALiBi: BLOOM
    if config.get("model_type") in _AFTER_PADDING:
        padding = config.get("pad_token_id")
        positions -= (padding if isinstance(padding, int) else 1) + 1
    return dims, positions, ""


def _trained_at(config: Mapping[str, Any], field: str, why: str) -> tuple[int | None, str]:
    length = config.get(field)
    if not isinstance(length, int) or length < 1:
        return None, ""
    return length, f"{length} is the training length that config.json names; {why}"


def tasks_of(kind: Kind, architecture: str) -> tuple[str, ...]:
    """What a class of that name does; what its kind can do, where the name does not tell."""
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


def _known_kind(model_type: str, architecture: str, path: Path) -> Kind:
    kind = kind_of(model_type, architecture)
    if kind is None:
        raise UsageError(
            "config.json names an architecture of an unknown kind",
            got=f"{model_type} {architecture}".strip(),
            mend=f"Name the class in 'architectures' of {path / 'config.json'}.",
        )  # fmt: skip
    return kind


def _require(dims: Mapping[str, int], config: Mapping[str, Any], kind: Kind, source: str) -> None:
    """Refuse a file without the sizes that every model of its kind has. A composed one has them per part."""
    if kind not in _NEEDED or any(prefix for prefix, _ in config_file.sections(config)):
        return
    needed = dict(_NEEDED[kind])
    if config["model_type"] in _NO_HEADS:
        del needed["heads"]
    missing = [theirs for ours, theirs in needed.items() if ours not in dims]
    if missing:
        raise UsageError(f"config.json has no {', '.join(map(repr, missing))}", got=source)


def _embedding(tensors: list[Tensor]) -> int | None:
    return next((tensor.count for tensor in tensors if tensor.name.endswith(_EMBEDDINGS)), None)


def _tied(tensors: list[Tensor]) -> bool:
    """True where no separate output matrix is stored."""
    return not any(tensor.name.endswith(("lm_head.weight", "embed_out.weight")) for tensor in tensors)
