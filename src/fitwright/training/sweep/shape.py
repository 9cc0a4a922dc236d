"""Models that are built from a config alone, in another width, number of heads or depth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, sha256_json
from fitwright.core.optional import require
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.quiet import quiet_transformers
from fitwright.modeling.sources import is_scratch

_FIELDS = {
    "width": ("hidden_size", "d_model", "n_embd", "dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "encoder_attention_heads"),
    "depth": ("num_hidden_layers", "n_layer", "n_layers", "encoder_layers"),
}
"""Under which names configs keep them; the first that a config has counts."""
_INNER = ("intermediate_size", "n_inner", "hidden_dim", "d_ff")
"""Width inside the feed-forward layers, which follows the width in proportion."""


def shape_of(folder: Path) -> dict[str, int]:
    """Width, heads and depth of a folder with a config and no weights.

    Nothing where it has weights, or where its config does not tell all three.
    """
    if not (folder / "config.json").is_file() or not is_scratch(folder):
        return {}
    config = _config(folder)
    found = {name: _field(config, fields) for name, fields in _FIELDS.items()}
    if None in found.values():
        return {}
    return {name: int(getattr(config, field)) for name, field in found.items() if field is not None}


def shaped_source(folder: Path, shape: Mapping[str, int], into: Path) -> Path:
    """``folder``'s config in that shape, and its tokenizer: what a model is built from.

    Args:
        folder: config and tokenizer.
        shape: width, heads, depth; what it does not name stays.
        into: folder under which it is made; one that is there already is returned.

    Raises:
        UsageError: the width cannot be divided among the heads.
    """
    path = into / sha256_json(dict(sorted(shape.items())))[:12]
    if path.is_dir():
        return path
    config = _shaped(_config(folder), shape)
    with quiet_transformers(), new_directory(path) as work:
        config.save_pretrained(work)
        copy_tokenizer(folder, work)
    return path


def _config(folder: Path) -> Any:
    with quiet_transformers():
        return require("transformers").AutoConfig.from_pretrained(
            folder, trust_remote_code=False, local_files_only=True
        )


def _field(config: Any, fields: tuple[str, ...]) -> str | None:
    return next((field for field in fields if isinstance(getattr(config, field, None), int)), None)


def _shaped(config: Any, shape: Mapping[str, int]) -> Any:
    for name, value in shape.items():
        field, inner = _field(config, _FIELDS[name]), _field(config, _INNER)
        if field is None:
            raise UsageError(f"the config does not tell its {name}", got=type(config).__name__)
        if name == "width" and inner is not None:
            setattr(config, inner, max(1, round(getattr(config, inner) * value / getattr(config, field))))
        setattr(config, field, value)
    width, heads = (getattr(config, _field(config, _FIELDS[name]) or "") for name in ("width", "heads"))
    if width % heads:
        raise UsageError("the width cannot be divided among the heads", got=f"width {width}, {heads} heads")
    return config
