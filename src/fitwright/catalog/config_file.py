"""A ``config.json`` in the Hugging Face layout: read, checked, its sizes under our names. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError

NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "d_model", "dim", "n_embd", "n_embed", "emb_dim"),
    "layers": ("num_hidden_layers", "n_layers", "n_layer", "num_layers", "depth"),
    "heads": ("num_attention_heads", "n_heads", "n_head", "num_heads", "encoder_attention_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "head_dim": ("head_dim", "d_kv", "d_head"),
    "ffn": (
        "intermediate_size", "hidden_dim", "d_ff", "n_inner", "d_inner", "encoder_ffn_dim", "ffn_dim",
        "ffn_hidden_size",
    ),
    "vocab": ("vocab_size", "n_words"),
    "max_positions": ("max_position_embeddings", "n_positions", "max_target_positions"),
    "embedding_size": ("embedding_size",),
    "image_size": ("image_size",),
    "patch_size": ("patch_size",),
    "num_experts": ("num_experts",),
    "num_local_experts": ("num_local_experts",),
    "n_routed_experts": ("n_routed_experts",),
    "n_shared_experts": ("n_shared_experts",),
    "num_experts_per_tok": ("num_experts_per_tok",),
    "moe_intermediate_size": ("moe_intermediate_size",),
}  # fmt: skip
"""Our name of a size → the names it has in ``config.json`` files; the first one present counts."""

_STACKS = (
    "encoder_layers", "decoder_layers", "num_decoder_layers", "decoder_attention_heads", "decoder_ffn_dim",
    "max_source_positions", "embed_dim", "depths", "hidden_sizes",
)  # fmt: skip
_MAY_BE_NONE = ("head_dim", "num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts")
_POSITIONS = NAMES["max_positions"]
_POSITIVE = frozenset(
    name
    for names in (*NAMES.values(), _STACKS)
    for name in names
    if name not in _MAY_BE_NONE and name not in _POSITIONS
)
"""Sizes that must be above 0. Some have no experts; -1 positions (XLNet) mean that there is no limit."""

_WHOLE = _POSITIVE | {*_MAY_BE_NONE, *_POSITIONS}
_TOWERS = ("encoder", "decoder", "text_encoder", "audio_encoder", "question_encoder", "generator")
_NO_MODEL = ("quantization_config", "generation_config", "compression_config")
_SHOWN = 60


def read(path: Path) -> dict[str, Any]:
    """The object that the JSON file ``path`` holds.

    Raises:
        UsageError: no such file, a folder, not readable, empty, broken JSON, or JSON that is no object.
    """
    got = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError("config.json of the model not found", got=got) from None
    except IsADirectoryError:
        raise UsageError(
            "config.json is a folder where a file is needed", got=got, mend="Give the folder above it."
        ) from None
    except OSError as error:
        raise UsageError(f"config.json cannot be read: {error.strerror}", got=got) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"config.json is no UTF-8 text: {error.reason}", got=got) from None
    if not text.strip():
        raise UsageError("config.json is empty", got=got, mend="Fetch or save it again.")
    try:
        values = json.loads(text, object_hook=_float_of)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"config.json is no valid JSON: {error}", got=got) from None
    if not isinstance(values, dict):
        raise UsageError(
            f"config.json must hold an object, and holds a {type(values).__name__}", got=got,
            allowed='{"model_type": …, …}',
        )  # fmt: skip
    return values


def _float_of(value: dict[str, Any]) -> Any:
    """transformers 5 writes ``{"__float__": "Infinity"}`` where JSON has no number."""
    if value.keys() == {"__float__"} and value["__float__"] in ("Infinity", "-Infinity", "NaN"):
        return float(value["__float__"])
    return value


def check(values: Mapping[str, Any], source: str) -> None:
    """Refuse values that no model can have; says nothing about what is absent, but for ``model_type``.

    Raises:
        UsageError: no ``model_type``, an ``architectures`` that is no list of names, or sizes that are no
            whole numbers above 0. All sizes that are wrong are named at once.
    """
    model_type = values.get("model_type")
    if not isinstance(model_type, str) or not model_type:
        what = "has no 'model_type'" if model_type in (None, "") else f"has model_type {_show(model_type)}"
        raise UsageError(
            f"config.json {what}", got=source, allowed="the name of an architecture, such as 'bert'"
        )
    named = values.get("architectures")
    if named is not None and not (isinstance(named, list) and all(isinstance(n, str) and n for n in named)):
        raise UsageError(
            f"config.json has architectures {_show(named)}", got=source,
            allowed="a list of class names, such as [\"BertForMaskedLM\"]",
        )  # fmt: skip
    wrong = [
        f"{prefix}{name} is {_show(section[name])}"
        for prefix, section in sections(values)
        for name in section
        if name in _WHOLE and not _is_size(section[name], above_zero=name in _POSITIVE)
    ]
    if wrong:
        raise UsageError(
            f"config.json has sizes that cannot be: {', '.join(wrong)}", got=source,
            allowed="whole numbers above 0",
        )  # fmt: skip


def sections(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The object itself with prefix ``""``, then each nested configuration: ``text_config.`` and so on."""
    yield prefix, values
    for key, value in values.items():
        is_model = (key.endswith("_config") and key not in _NO_MODEL) or key in _TOWERS
        if is_model and isinstance(value, Mapping):
            yield from sections(value, f"{prefix}{key}.")


def dims(values: Mapping[str, Any], *, two_stacks: bool) -> dict[str, int]:
    """The sizes under our names: ``hidden``, ``layers``; of a nested configuration ``text_hidden`` and so on.

    A model of stages (Swin, ConvNeXt) has no ``layers`` and ``hidden``, for it has several.

    Args:
        two_stacks: an encoder-decoder, which has ``encoder_layers`` and ``decoder_layers``, each per stack,
            and no ``layers``; a file that names one number alone means both.
    """
    found: dict[str, int] = {}
    for prefix, section in sections(values):
        tower = prefix.replace("_config.", "_").replace(".", "_")
        own = _own(section, two_stacks=two_stacks and not prefix)
        if tower.startswith("vision_"):  # as the catalogue names them there
            own = {{"patch_size": "patch", "image_size": "image"}.get(name, name): own[name] for name in own}
        found |= {tower + name: size for name, size in own.items()}
    return found


def _own(section: Mapping[str, Any], *, two_stacks: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for ours, theirs in NAMES.items():
        value = next((section[name] for name in theirs if _is_whole(section.get(name))), None)
        if value is not None:
            found[ours] = value
    if two_stacks:
        layers = found.pop("layers", None)
        encoder = _first(section, "encoder_layers", "num_layers", default=layers)
        found |= {"encoder_layers": encoder} if encoder is not None else {}
        decoder = _first(section, "decoder_layers", "num_decoder_layers", default=encoder)
        found |= {"decoder_layers": decoder} if decoder is not None else {}
    if "depths" in section:
        for name in ("hidden", "layers", "heads"):
            found.pop(name, None)
        if _is_whole(section.get("embed_dim")):
            found["embed_dim"] = section["embed_dim"]
    return found


def _first(section: Mapping[str, Any], *names: str, default: int | None) -> int | None:
    return next((section[name] for name in names if _is_whole(section.get(name))), default)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_size(value: object, *, above_zero: bool) -> bool:
    if value is None:
        return True
    if isinstance(value, list | dict):
        parts = value.values() if isinstance(value, dict) else value
        return all(_is_size(part, above_zero=above_zero) for part in parts)
    if isinstance(value, float):
        return not above_zero and value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool) and (value > 0 or not above_zero)


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
