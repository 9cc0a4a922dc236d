"""Text encoders that give one vector a text, in the layout of transformers and of sentence-transformers.

Legend of shape suffixes: B texts, T tokens, D width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.modeling.classifier import copy_tokenizer, position_limit
from fitwright.modeling.pretrained import load_pretrained, save_pretrained

if TYPE_CHECKING:
    import torch
    from torch import nn

POOLINGS = ("mean", "cls")
_MODES = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
_MOST_TOKENS = 8192


def load_embedder(folder: Path, pooling: str = "auto") -> nn.Module:
    """A text encoder without a head; ``model.pooling`` says how its tokens become one vector.

    Args:
        folder: with ``config.json``; without weights the model is built from it.
        pooling: one of :data:`POOLINGS`, or ``auto``: what the folder says (``1_Pooling``), else the mean.

    Raises:
        UsageError: see :func:`load_pretrained`; or a pooling that is not known here.
    """
    model: Any = load_pretrained("AutoModel", folder, "an encoder")
    model.pooling = recorded_pooling(folder) if pooling == "auto" else pooling
    return model


def recorded_pooling(folder: Path) -> str:
    """What sentence-transformers wrote beside a model; the mean where there is nothing.

    Raises:
        UsageError: another kind of pooling.
    """
    path = folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return "mean"
    config = read_json(path, what="pooling config")
    stated = config.get("pooling_mode")
    on = [stated] if stated else [name for name, value in config.items() if value is True]
    on = [name for name in on if name != "include_prompt"]
    for pooling, key in _MODES.items():
        if on in ([pooling], [key]):
            return pooling
    raise UsageError(
        "the model's own pooling is not supported", got=", ".join(map(str, on)),
        allowed=", ".join(POOLINGS), mend="Choose one: --option pooling=mean",
    )  # fmt: skip


def pooled(model: nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Embeddings of length 1, fp32 (B, D): their products are cosines."""
    from torch.nn.functional import normalize

    hidden_BTD = model(**inputs).last_hidden_state.float()
    if model.pooling == "cls":
        return normalize(hidden_BTD[:, 0], dim=-1)
    mask_BT1 = inputs["attention_mask"].unsqueeze(-1).to(hidden_BTD.dtype)
    return normalize((hidden_BTD * mask_BT1).sum(1), dim=-1)  # of any length: the count falls out


def save_embedder(model: nn.Module, source: Path, folder: Path) -> None:
    """Write model, tokenizer and the modules of sentence-transformers into ``folder``."""
    save_pretrained(model, folder)
    copy_tokenizer(source, folder)
    loose: Any = model
    width = int(loose.config.hidden_size)
    kinds = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    write_json(folder / "modules.json", [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (kind, path) in enumerate(zip(kinds, paths, strict=True))
    ])  # fmt: skip
    for path in paths[1:]:
        (folder / path).mkdir()
    modes = {key: loose.pooling == name for name, key in _MODES.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **modes})
    limit = position_limit(model, _MOST_TOKENS)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": "cosine"})
