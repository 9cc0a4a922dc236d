"""Language modelling from scratch: our loop beside `transformers.Trainer` (see `sides.py`).

A masked BERT or a causal GPT-2 of 4 layers on film reviews, laid end to end and cut into blocks, so that no
side has padding: the same blocks, tokenizer, start and steps. Trainer's collator hides tokens by its own
dice, as many on average. Sides: `fitwright`; `trainer`, its defaults; `trainer-eager`, plain attention;
`trainer-compiled`, under torch.compile.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import torch
import transformers
from film_reviews import read_labelled
from sides import Case, add_options, compare

from fitwright.data.token_blocks import blocks_of, stream_of
from fitwright.data.tokenizer_training import MASK, PAD, save_tokenizer, train_tokenizer
from fitwright.training.tasks.blocks import CausalBlocks
from fitwright.training.tasks.language_modeling import (
    CausalLanguageModeling,
    MaskedLanguageModeling,
    masked_blocks,
)
from fitwright.training.tasks.vocabulary import raw_tokenizer, specials_of

BATCH, LEARNING_RATE, DOCUMENTS, TEST_BLOCKS = 16, 1e-3, 4000, 128


def read_texts() -> list[str]:
    """Long reviews, in the file's order."""
    texts = [text for text, _ in read_labelled(source="imdb")]
    return texts[:: max(1, len(texts) // DOCUMENTS)]


def config_of(kind: str, width: int, layers: int, vocabulary: int, block: int) -> Any:
    """Of a model without weights; heads are 64 wide. Dropout as the family has it, 0.1."""
    heads = max(1, width // 64)
    if kind == "masked":
        return transformers.BertConfig(
            vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
            intermediate_size=4 * width, max_position_embeddings=block, pad_token_id=1,
        )  # fmt: skip
    return transformers.GPT2Config(
        vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=heads, n_positions=block, bos_token_id=0,
        eos_token_id=0, pad_token_id=1,
    )  # fmt: skip


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("masked", "causal"), default="masked")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--steps", type=int, default=40)
    add_options(parser, ("fitwright", "trainer", "trainer-eager"))
    given = parser.parse_args()
    texts = read_texts()
    with tempfile.TemporaryDirectory() as folder:
        save_tokenizer(train_tokenizer(texts, given.vocabulary), Path(folder), max_length=given.block)
        tokenizer = raw_tokenizer(Path(folder), Path(folder))
        specials = specials_of(Path(folder), tokenizer)
        theirs = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(Path(folder) / "tokenizer.json"), mask_token=MASK, pad_token=PAD,
        )  # fmt: skip
    stream = stream_of(texts, tokenizer, end=specials.end)
    count = given.steps * BATCH
    config = config_of(given.kind, given.width, given.layers, given.vocabulary, given.block)
    if given.kind == "masked":
        whole: Any = masked_blocks(stream, given.block, specials, 0.15, 0)
        blocks = [[*whole.before, *map(int, block), *whole.after] for block in whole.blocks[:count]]
        task: Any = MaskedLanguageModeling()
        make: Any = transformers.BertForMaskedLM
    else:
        whole = CausalBlocks(blocks=blocks_of(stream, given.block, overlap=1))
        blocks = [list(map(int, block[:-1])) for block in whole.blocks[:count]]
        task, make = CausalLanguageModeling(), transformers.GPT2LMHeadModel
    if len(whole) < count + TEST_BLOCKS:
        raise SystemExit(f"error: {len(whole)} blocks are too few for --steps {given.steps}")
    train, test = part(whole, 0, count), part(whole, count, count + TEST_BLOCKS)

    def start() -> torch.nn.Module:
        torch.manual_seed(0)
        return make(config)  # type: ignore[no-any-return]

    compare(Case(
        task=task, make=start, train=train, test=test, items=[{"input_ids": ids} for ids in blocks],
        collator=lambda _: transformers.DataCollatorForLanguageModeling(theirs, mlm=given.kind == "masked"),
        longest=given.block, settings={"batch_size": BATCH, "learning_rate": LEARNING_RATE}, measure="loss",
        scored=0.15 if given.kind == "masked" else 1.0,
    ), given)  # fmt: skip


def part(rows: Any, first: int, last: int) -> Any:
    """Some of those blocks."""
    return dataclasses.replace(rows, blocks=rows.blocks[first:last])


if __name__ == "__main__":
    main()
