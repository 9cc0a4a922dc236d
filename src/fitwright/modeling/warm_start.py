"""An encoder-decoder made of a trained encoder and a trained decoder (Rothe et al. 2020), as a folder.

Only the attention from the decoder to the encoder is new.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, read_json, sha256_file, sha256_json
from fitwright.core.home import home
from fitwright.core.optional import require
from fitwright.modeling.classifier import TOKENIZER_FILES, copy_tokenizer, tokenizer_folder
from fitwright.modeling.pretrained import load_pretrained, save_pretrained
from fitwright.modeling.quiet import quiet_transformers
from fitwright.modeling.sources import resolve_source

if TYPE_CHECKING:
    from torch import nn

JOIN = "+"
DECODER_TOKENIZER = "decoder_tokenizer"
"""Folder of the decoder's tokenizer, in that of the pair; the encoder's lies at the top."""
_SEED = 0


def pair_folder(name: str) -> Path:
    """Folder of the pair that ``ENCODER+DECODER`` names; made once, then kept in the user's folder.

    The new weights are drawn with a fixed seed, so that the same two models make the same pair.

    Raises:
        UsageError: not two models, or two that cannot be joined.
    """
    names = name.split(JOIN)
    if len(names) != 2:
        raise UsageError("a pair is two models", got=name, allowed=f"ENCODER{JOIN}DECODER")
    encoder, decoder = (resolve_source(part) for part in names)
    key = [[sha256_file(path) for path in _files(folder)] for folder in (encoder, decoder)]
    folder = home() / "starts" / sha256_json(["pair", key])[:32]
    if (folder / "config.json").is_file():
        return folder
    model = _joined(encoder, decoder)
    with new_directory(folder) as work:
        save_pretrained(model, work)
        copy_tokenizer(encoder, work)
        (work / DECODER_TOKENIZER).mkdir()
        copy_tokenizer(decoder, work / DECODER_TOKENIZER)
        shutil.copyfile(decoder / "config.json", work / DECODER_TOKENIZER / "config.json")
    return folder


def decoder_tokenizer(folder: Path) -> Path:
    """Folder of the tokenizer of what a model writes: a pair has two, any other model one."""
    own = folder / DECODER_TOKENIZER
    return own if own.is_dir() else folder


def copy_decoder_tokenizer(source: Path, folder: Path) -> None:
    """Copy the second tokenizer, where there is one."""
    if (source / DECODER_TOKENIZER).is_dir():
        shutil.copytree(source / DECODER_TOKENIZER, folder / DECODER_TOKENIZER)


def pair_limit(config: Mapping[str, Any], asked: int) -> int:
    """Tokens that both halves of a pair have positions for, at most ``asked``; a pair's own config says none.

    RoBERTa and its kin count positions from the one after the padding's.
    """
    limits = [asked]
    for half in (config.get("encoder") or {}, config.get("decoder") or {}):
        positions = half.get("max_position_embeddings") or half.get("n_positions")
        if isinstance(positions, int):
            taken = int(half.get("pad_token_id") or 0) + 1 if _shifted(half) else 0
            limits.append(positions - taken)
    return min(limits)


def _shifted(half: Mapping[str, Any]) -> bool:
    return any(kin in str(half.get("model_type")) for kin in ("roberta", "camembert"))


def _files(folder: Path) -> list[Path]:
    names = ("config.json", *TOKENIZER_FILES)
    return [
        *sorted(folder.glob("model*.safetensors")),
        *(folder / n for n in names if (folder / n).is_file()),
    ]


def _joined(encoder: Path, decoder: Path) -> nn.Module:
    transformers, torch = require("transformers"), require("torch")
    body = load_pretrained("AutoModel", encoder, "the encoder of a pair")
    before = torch.get_rng_state()
    torch.manual_seed(_SEED)
    try:
        config = transformers.AutoConfig.from_pretrained(
            decoder, trust_remote_code=False, local_files_only=True
        )
        config.is_decoder = config.add_cross_attention = True
        writer = load_pretrained("AutoModelForCausalLM", decoder, "the decoder of a pair", config=config)
        with quiet_transformers():
            model: Any = transformers.EncoderDecoderModel(encoder=body, decoder=writer)
    except (ValueError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"these two cannot be joined: {reason}", got=f"{encoder}{JOIN}{decoder}") from error
    finally:
        torch.set_rng_state(before)
    if not getattr(writer.config, "add_cross_attention", False) or not _looks_back(writer):
        raise UsageError(
            "this decoder cannot look at an encoder", got=type(writer).__name__,
            allowed="BERT, RoBERTa, GPT-2 and others that take add_cross_attention",
        )  # fmt: skip
    start, end, pad = _specials(decoder, writer.config)
    for config in (model.config, model.generation_config):
        config.decoder_start_token_id, config.eos_token_id, config.pad_token_id = start, end, pad
    return model


def _looks_back(writer: nn.Module) -> bool:
    return any("cross" in name.lower() for name, _ in writer.named_parameters())


def _specials(decoder: Path, config: Any) -> tuple[int, int, int]:
    """Ids that begin a text, end it and fill it up: [CLS], [SEP] and [PAD], or what the config says."""
    path = decoder / "tokenizer_config.json"
    named = read_json(path, what="tokenizer config") if path.is_file() else {}
    with tempfile.TemporaryDirectory() as scratch:
        file = tokenizer_folder(decoder, Path(scratch)) / "tokenizer.json"
        known = require("tokenizers").Tokenizer.from_file(str(file)).token_to_id

    def find(*keys: str) -> int | None:
        for key in keys:
            token = named.get(f"{key}_token")
            token = token.get("content") if isinstance(token, dict) else token
            found = known(token) if isinstance(token, str) else None
            found = getattr(config, f"{key}_token_id", None) if found is None else found
            if isinstance(found, int):
                return found
        return None

    end = find("eos", "sep")
    start, pad = find("bos", "cls"), find("pad")
    if end is None:
        raise UsageError("the decoder's tokenizer has no token that ends a text", got=str(decoder),
                         mend="Set eos_token_id in its config.json.")  # fmt: skip
    return (end if start is None else start), end, (end if pad is None else pad)
