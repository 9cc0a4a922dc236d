"""Our loop beside `transformers.Trainer`: a training run of each, timed step by step, and what came of them.

Each round trains every side, in turns, from the same weights, on the same rows, for the same steps, with the
same dropout rates, fused AdamW, clipping and schedule; the round's number is the seed. A step's time runs
from the end of the step before; the first ones are left out. A side's speed in a round is its real tokens
over its seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from fitwright.core.progress import Silent, Task
from fitwright.core.provenance import capture
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.classifier import quiet_transformers
from fitwright.training.loop import Run
from fitwright.training.settings import TrainSettings

OURS = "fitwright"
PEERS: dict[str, dict[str, Any]] = {
    "trainer": {},
    "trainer-grouped": {"train_sampling_strategy": "group_by_length", "attention": "eager"},
    "trainer-fixed": {"train_sampling_strategy": "group_by_length", "attention": "eager", "multiple": 8},
    "trainer-sdpa": {"train_sampling_strategy": "group_by_length"},
    "trainer-eager": {"attention": "eager"},
    "trainer-compiled": {"train_sampling_strategy": "group_by_length", "attention": "eager", "multiple": 8,
                         "torch_compile": True},
}  # fmt: skip
"""Side → what differs from Trainer's defaults: arguments of its own, attention, widths in multiples of."""
SIDES = (OURS, *PEERS)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained.

    Attributes:
        task: of ours. make: the model, anew. train, test: our rows.
        items: the training rows as Trainer takes them. collator: batches of them, for a multiple of widths.
        longest: tokens of the longest row. settings: batch_size, learning_rate and so on, by their names.
        peer: trains another side than Trainer's, as :func:`train_with_trainer` does.
        measure: the figure of quality. scored: share of places that our side computes the output layer at.
    """

    task: Any
    make: Callable[[], nn.Module]
    train: Any
    test: Any
    items: Sequence[dict[str, Any]]
    collator: Callable[[int | None], Callable[[list[Any]], Any]]
    longest: int
    settings: dict[str, Any]
    measure: str
    scored: float = 1.0
    peer: Callable[..., tuple[list[float], list[int]]] | None = None


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


class Ends(transformers.TrainerCallback):
    """Tells a clock when Trainer's steps end."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.clock.advance()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.clock.advance()


class NoCurves:
    """Draws nothing."""

    def scalars(self, *_: object) -> None:
        return None

    def histograms(self, *_: object) -> None:
        return None


class CountedRows:
    """Rows that write down how many tokens each training batch had."""

    def __init__(self, rows: Any) -> None:
        self.rows, self.tokens, self.all = rows, list[int](), rows.lengths

    def __len__(self) -> int:
        return len(self.rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)

    def batch(self, rows: Any, *given: Any, **more: Any) -> Any:
        self.tokens.append(sum(self.all[row] for row in rows))
        return self.rows.batch(rows, *given, **more)


class Nothing:
    """A task that judges by nothing while it trains: sides are judged alike, behind their clocks."""

    def __init__(self, task: Any) -> None:
        self.task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def evaluate(self, *_: Any) -> dict[str, float]:
        return {"loss": 0.0, self.task.metric.name: 0.0}


def train_ours(
    case: Case, model: nn.Module, seed: int, folder: Path, precision: str
) -> tuple[list[float], list[int]]:
    """Our loop, as `fitwright train` runs it; seconds and real tokens of each step."""
    settings = TrainSettings(epochs=1, precision=precision, seed=seed, checkpoint_s=1e9, **case.settings)
    choose_training_attention(model, "cpu", case.longest)
    clock, counted = StepClock(), CountedRows(case.train)
    Run(
        model, Nothing(case.task), counted, case.test, settings, checkpoint=folder / "checkpoint",
        progress=clock, curves=NoCurves(),
    ).execute()  # fmt: skip
    return clock.seconds, counted.tokens


def train_with_trainer(
    case: Case, model: nn.Module, seed: int, folder: Path, precision: str, side: str
) -> tuple[list[float], list[int]]:
    """`transformers.Trainer`; seconds and real tokens of each step."""
    clock, tokens, more = StepClock(), list[int](), dict(PEERS[side])
    attention, multiple = more.pop("attention", None), more.pop("multiple", None)
    if attention is not None:
        model.set_attn_implementation(attention)  # type: ignore[operator]
    arguments = transformers.TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=case.settings["batch_size"], num_train_epochs=1,
        learning_rate=case.settings["learning_rate"], weight_decay=0.01, warmup_steps=0.1, seed=seed,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True,
        bf16=precision == "bf16", optim="adamw_torch_fused", max_grad_norm=1.0, **more,
    )  # fmt: skip
    pad = case.collator(multiple)

    def collate(items: list[dict[str, Any]]) -> Any:
        tokens.append(sum(len(item["input_ids"]) for item in items))
        return pad(items)

    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        train_dataset=list(case.items),
        data_collator=collate,
        callbacks=[Ends(clock)],
    )
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


def flops_of_a_token(model: Any, scored: float = 1.0) -> float:
    """Forward and backward, 6 a weight of the linear layers (Kaplan et al. 2020); attention not counted.

    ``scored``: share of places at which the output layer is computed.
    """
    kinds = (nn.Linear, transformers.pytorch_utils.Conv1D)
    whole = 6.0 * sum(m.weight.numel() for m in model.modules() if isinstance(m, kinds))
    head = model.get_output_embeddings() if scored < 1 else None
    return whole - (0.0 if head is None else 6.0 * (1 - scored) * head.weight.numel())


def run_round(case: Case, seed: int, sides: list[str], precision: str, warm_up: int) -> list[dict[str, Any]]:
    """Every side once, in an order that the seed shuffles."""
    found = []
    for side in random.Random(seed).sample(sides, len(sides)):  # noqa: S311
        torch.manual_seed(seed)
        model = case.make()
        with tempfile.TemporaryDirectory() as folder:
            given = (case, model, seed, Path(folder), precision)
            others = case.peer or train_with_trainer
            seconds, tokens = train_ours(*given) if side == OURS else others(*given, side)
        judged = case.task.evaluate(model, case.test, torch.device("cpu"))
        timed_s, timed = sum(seconds[warm_up:]), sum(tokens[warm_up : len(seconds)])
        quality = f"{case.measure} {judged[case.measure]:.4f}"
        print(f"round {seed} {side}: {timed / timed_s:,.0f} tokens/s, {quality}", file=sys.stderr)
        found.append({
            "side": side, "seed": seed, "tokens_per_s": timed / timed_s, **judged, "step_s": seconds,
            "step_tokens": tokens[: len(seconds)],
        })  # fmt: skip
    return found


def summary(
    runs: list[dict[str, Any]], measure: str, mean_tokens: float, flops: tuple[float, float], peak: float
) -> dict[str, Any]:
    """Each side's median speed over rounds, and how many times as fast we are, round by round.

    ``flops``: of a token, for us and for the others.
    """
    ours = {run["seed"]: run for run in runs if run["side"] == OURS}
    table = {}
    for side in dict.fromkeys(run["side"] for run in runs):
        mine = [run for run in runs if run["side"] == side]
        tokens_s = statistics.median(run["tokens_per_s"] for run in mine)
        pairs = [(ours[run["seed"]], run) for run in mine if run["seed"] in ours]
        ratios = [our["tokens_per_s"] / run["tokens_per_s"] for our, run in pairs]
        quality = [run[measure] for run in mine]
        table[side] = {
            "real_tokens_per_s": tokens_s, "rows_per_s": tokens_s / mean_tokens,
            "share_of_matrix_peak": tokens_s * flops[side != OURS] / peak, "fitwright_is_faster_by": ratios,
            "median_ratio": statistics.median(ratios) if ratios else None, measure: quality,
            f"mean_{measure}": statistics.mean(quality),
            f"fitwright_{measure}_less_this": [our[measure] - run[measure] for our, run in pairs],
        }  # fmt: skip
    return table


def add_options(parser: argparse.ArgumentParser, sides: Sequence[str]) -> None:
    """What every comparison can be told."""
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=3, help="steps that are not timed")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sides", default=",".join(sides), help="with commas")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--threads", type=int, default=2)


def compare(case: Case, given: argparse.Namespace) -> None:
    """All rounds, as JSON on standard output."""
    torch.set_num_threads(given.threads)
    logging.disable(logging.WARNING)
    peaks, runs = [matrix_peak(given.precision)], []
    with quiet_transformers():
        for seed in range(given.first_seed, given.first_seed + given.rounds):
            runs += run_round(case, seed, given.sides.split(","), given.precision, given.warm_up)
            peaks.append(matrix_peak(given.precision))
        flops = (flops_of_a_token(case.make(), case.scored), flops_of_a_token(case.make()))
    mean_tokens = sum(case.train.lengths) / len(case.train)
    settings = {name: v.name if isinstance(v, Path) else v for name, v in vars(given).items()}
    print(json.dumps({
        "environment": capture(" ".join(sys.argv), datetime.now(UTC).isoformat(timespec="seconds")).as_json(),
        "settings": {**settings, **case.settings, "mean_tokens": mean_tokens},
        "matrix_peak_flops": peaks, "flops_of_a_token": flops[1],
        "summary": summary(runs, case.measure, mean_tokens, flops, max(peaks)), "runs": runs,
    }, indent=1))  # fmt: skip
