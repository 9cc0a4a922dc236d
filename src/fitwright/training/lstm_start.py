"""Where an LSTM starts: ``--model lstm``, or with sizes ``--model lstm:width=128,layers=2,tokenizer=DIR``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, sha256_file, sha256_json, write_json
from fitwright.core.home import home
from fitwright.core.optional import require
from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.own import LSTM
from fitwright.modeling.sources import resolve_source

NAME = "lstm"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_MOST_TOKENS = 1_000_000
"""What the tokenizer is told to be its longest text: an LSTM has no positions."""


@dataclass(frozen=True, kw_only=True)
class LstmShape:
    """What may be said of an LSTM.

    Attributes:
        width: of the embeddings and of each direction's states.
        layers: of LSTM.
        tokenizer: a model whose tokenizer is taken; empty: word pieces are learned from the training rows.
        vocabulary: word pieces that are learned, at most.
        dropout: between embeddings, layers and the last layer.
    """

    width: int = 256
    layers: int = 1
    tokenizer: str = ""
    vocabulary: int = 8000
    dropout: float = 0.3

    def __post_init__(self) -> None:
        for name, least in (("width", 1), ("layers", 1), ("vocabulary", 100)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} of an LSTM must be at least {least}", got=getattr(self, name))
        if not 0 <= self.dropout < 1:
            raise UsageError("dropout of an LSTM must be in [0, 1)", got=self.dropout)


def shape_of_name(model: str) -> LstmShape | None:
    """What ``--model`` says of an LSTM; ``None`` for any other model.

    Raises:
        UsageError: a part that an LSTM has not, or a value of another type.
    """
    name, _, parts = model.partition(":")
    if name != NAME:
        return None
    kinds: dict[str, Any] = {field.name: type(field.default) for field in fields(LstmShape)}
    given: dict[str, Any] = {}
    for part in filter(None, parts.split(",")):
        key, sign, value = part.partition("=")
        if not sign or key not in kinds:
            raise UsageError("an LSTM has no such size", got=part, allowed=", ".join(kinds))
        try:
            given[key] = kinds[key](value)
        except ValueError:
            raise UsageError(f"{key} of an LSTM is a number", got=value) from None
    return LstmShape(**given)


def lstm_folder(shape: LstmShape, data: Any) -> Path:
    """A folder with config and tokenizer, without weights; made once and kept in the user's own folder.

    Args:
        shape: sizes.
        data: the training rows; their ``texts`` teach the tokenizer where none is given.

    Raises:
        UsageError: rows without texts.
    """
    texts = getattr(data, "texts", None)
    if texts is None:
        raise UsageError(
            "an LSTM learns to classify or score texts alone", got=type(data).__name__,
            allowed="--task text-classification, text-regression",
        )  # fmt: skip
    taken = _given_tokenizer(shape.tokenizer) if shape.tokenizer else None
    seconds = getattr(data, "pairs", None) or ()
    learned_from = [*texts, *seconds] if taken is None else sha256_file(taken / "tokenizer.json")
    sizes = {**asdict(shape), "tokenizer": ""}
    folder = home() / "starts" / f"{NAME}-{sha256_json([sizes, learned_from])[:32]}"
    if (folder / "config.json").is_file():
        return folder
    with new_directory(folder) as work:
        if taken is None:
            _learn_pieces([*texts, *seconds], shape.vocabulary, work)
        else:
            copy_tokenizer(taken, work)
        write_json(work / "config.json", _config(shape, work))
    return folder


def _given_tokenizer(model: str) -> Path:
    folder = resolve_source(model, scratch=True)
    if not (folder / "tokenizer.json").is_file():
        raise UsageError(
            "the model whose tokenizer the LSTM takes has no tokenizer.json", got=str(folder),
            mend="Write one: AutoTokenizer.from_pretrained(folder).save_pretrained(folder).",
        )  # fmt: skip
    return folder


def _config(shape: LstmShape, folder: Path) -> dict[str, Any]:
    tokenizer = require("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    return {
        "model_type": LSTM, "architectures": ["LstmForSequenceClassification"],
        "vocab_size": tokenizer.get_vocab_size(), "hidden_size": shape.width,
        "num_hidden_layers": shape.layers, "dropout": shape.dropout,
        "pad_token_id": TextTokenizer.load(folder, 64).pad_id,
    }  # fmt: skip


def _learn_pieces(texts: Sequence[str], vocabulary: int, folder: Path) -> None:
    """Word pieces as BERT's (Schuster & Nakajima 2012), in lower case; Chinese characters stand alone.

    The same texts give the same pieces with the same ids: the trainer of ``tokenizers`` numbers the letters
    within words in the order of a hash table, so it is told them in order first.
    """
    tokenizers = require("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    words = Counter[str]()
    for text in texts:
        plain = tokenizer.normalizer.normalize_str(text)
        words.update(word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(plain))
    letters = Counter[str]()
    for word, count in words.items():
        letters.update({letter: count * word.count(letter) for letter in set(word)})
    kept = sorted(sorted(letters, key=lambda letter: (-letters[letter], letter))[: vocabulary // 2])
    within = sorted({letter for word in words for letter in word[1:]} & set(kept))
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=vocabulary, min_frequency=2, initial_alphabet=kept, limit_alphabet=len(kept),
        special_tokens=[*_SPECIAL, *(f"##{letter}" for letter in within)], show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(sorted(words.elements()), trainer)
    tokenizer.post_processor = tokenizers.processors.BertProcessing(
        *((token, tokenizer.token_to_id(token)) for token in ("[SEP]", "[CLS]"))
    )
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] in _SPECIAL]
    write_json(folder / "tokenizer.json", content)
    names = dict(
        zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), _SPECIAL, strict=True)
    )
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": _MOST_TOKENS, **names,
        "clean_up_tokenization_spaces": False,
    })  # fmt: skip
