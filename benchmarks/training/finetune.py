"""Fine-tuning an encoder on labelled rows: our loop beside `transformers.Trainer` (see `sides.py`).

The reference encoder on English sentences or whole reviews; any other on any table with `--model` and
`--data`, such as the Chinese BERT that `chinese_bert.py` prepares. Sides: `fitwright`, as `fitwright train`
runs it; `trainer`, its defaults; `trainer-grouped`, with length groups and plain attention; `trainer-fixed`,
the same with widths in multiples of 8; `trainer-sdpa`, length groups and torch's fused attention;
`trainer-compiled`, `trainer-fixed` under torch.compile.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import transformers
from film_reviews import ENCODER, read_labelled
from sides import Case, add_options, compare

from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.classifier import load_classifier
from fitwright.training.batches import EncodedRows
from fitwright.training.tasks.text_classification import TextClassification

BATCH, LEARNING_RATE = 32, 1e-4
LABELS = ("negative", "positive")
DATA = {"short": ("rotten_tomatoes", 128), "long": ("imdb", 256)}
"""Case → source of its rows, tokens that a row is cut at."""


def load_rows(
    source: str, count: int, judged: int, max_length: int, *, data: Path | None = None, model: Path = ENCODER
) -> tuple[EncodedRows, EncodedRows]:
    """That many training rows, and others to judge by. ``data``: a table with `text` and `label`."""
    rows = read_labelled(source=source) if data is None else read_labelled(data)
    random.Random(0).shuffle(rows)  # noqa: S311
    tokenizer = TextTokenizer.load(model, max_length)
    return encode(rows[judged : judged + count], tokenizer), encode(rows[:judged], tokenizer)


def encode(rows: list[tuple[str, int]], tokenizer: TextTokenizer) -> EncodedRows:
    """Token ids and labels."""
    ids = tokenizer.encode([text for text, _ in rows])
    labels = tuple(label for _, label in rows)
    return EncodedRows(token_ids=ids, labels=labels, pad_id=tokenizer.pad_id, limit=tokenizer.max_length)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=tuple(DATA), default="short", help="sentences, or long reviews")
    parser.add_argument("--model", type=Path, default=ENCODER, help="folder of another encoder")
    parser.add_argument("--data", type=Path, help="another table, with text and label (0 or 1)")
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--max-length", type=int, help="default: 128 for short rows, 256 for long ones")
    parser.add_argument("--learning-rate", type=float, default=LEARNING_RATE)
    add_options(parser, ("fitwright", "trainer", "trainer-fixed", "trainer-sdpa"))
    given = parser.parse_args()
    source, usual_length = DATA[given.case]
    given.max_length = given.max_length or usual_length
    train, test = load_rows(
        source, given.rows, given.test_rows, given.max_length, data=given.data, model=given.model
    )
    items = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": label}
        for ids, label in zip(train.token_ids, train.labels, strict=True)
    ]
    tokenizer = transformers.AutoTokenizer.from_pretrained(given.model)
    compare(Case(
        task=TextClassification(), make=lambda: load_classifier(given.model, LABELS), train=train, test=test,
        items=items, collator=lambda n: transformers.DataCollatorWithPadding(tokenizer, pad_to_multiple_of=n),
        longest=given.max_length, settings={"batch_size": BATCH, "learning_rate": given.learning_rate},
        measure="accuracy",
    ), given)  # fmt: skip


if __name__ == "__main__":
    main()
