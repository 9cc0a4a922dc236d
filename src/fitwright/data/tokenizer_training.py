"""A tokenizer trained on a corpus: byte-level byte-pair encoding (Sennrich et al. 2016; bytes as in GPT-2).

Every text can be encoded and comes back unchanged; nothing is unknown. Written as transformers reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fitwright.core.errors import DataError, UsageError
from fitwright.core.files import write_json, write_text
from fitwright.core.optional import require

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END, PAD, MASK = "<|endoftext|>", "<|pad|>", "<|mask|>"
SPECIAL = (END, PAD, MASK)
"""Their ids are 0, 1, 2. The end token parts documents."""
SMALLEST_VOCABULARY = 256 + len(SPECIAL)
_MOST_CHARACTERS, _CHARACTERS_PER_TOKEN = 5_000_000, 1_000
"""What merges are learnt from: so many characters, or so many for each token where that is more."""
_PIECE = 100_000


def train_tokenizer(documents: Sequence[str], vocabulary: int, *, framed: bool = False) -> Tokenizer:
    """A byte-level tokenizer of exactly ``vocabulary`` tokens, those of :data:`SPECIAL` first.

    Args:
        documents: the training part alone; of a large one its first part.
        vocabulary: at least 259: 256 bytes and three special tokens.
        framed: every text gets the end token before and after it: an encoder reads its answer off the first.

    Raises:
        UsageError: a vocabulary out of range.
        DataError: the text is too little for so many tokens.
    """
    if not SMALLEST_VOCABULARY <= vocabulary <= 1_000_000:
        allowed = f"{SMALLEST_VOCABULARY} to 1,000,000"
        raise UsageError("the vocabulary is out of range", got=vocabulary, allowed=allowed)
    tokenizers = require("tokenizers")
    tokenizer: Tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    most = max(_MOST_CHARACTERS, _CHARACTERS_PER_TOKEN * vocabulary)
    tokenizer.train_from_iterator(_sample(documents, most), trainer)
    if tokenizer.get_vocab_size() != vocabulary:
        raise DataError(
            "the corpus is too small for such a vocabulary", got=f"{vocabulary} tokens asked for",
            allowed=f"{tokenizer.get_vocab_size()} tokens for this text", mend="Lower --vocabulary.",
        )  # fmt: skip
    if framed:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"{END} $A {END}", pair=f"{END} $A {END} $B {END}",
            special_tokens=[(END, SPECIAL.index(END))],
        )  # fmt: skip
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, *, max_length: int) -> None:
    """Write ``tokenizer.json`` and ``tokenizer_config.json`` so that ``AutoTokenizer`` loads the folder."""
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=False))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_length,
        "eos_token": END, "bos_token": END, "pad_token": PAD, "mask_token": MASK,
        "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    write_json(folder / "tokenizer_config.json", config)


def _sample(documents: Sequence[str], most: int) -> Iterator[str]:
    used = 0
    for document in documents:
        if used >= most:
            return
        used += len(document)
        for start in range(0, len(document), _PIECE):
            yield document[start : start + _PIECE]
