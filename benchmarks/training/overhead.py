"""What our loop costs beside bare forward, backward, clip and step: the same packed model, the same batches.

After each step of the loop its callback runs the bare step on a copy of the model and the same rows, whose
tensors lie ready; the two are a pair. Checkpoints and evaluation are outside.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from film_reviews import ENCODER
from finetune import BATCH, DATA, LABELS, LEARNING_RATE, load_rows
from sides import NoCurves

from fitwright.core.progress import Silent, Task
from fitwright.core.provenance import capture
from fitwright.modeling.classifier import load_classifier, quiet_transformers
from fitwright.modeling.dropout import cheap_dropout
from fitwright.training.batches import EncodedRows, steps_of_epoch
from fitwright.training.loop import Run
from fitwright.training.packing import packed_models
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.text_classification import TextClassification

WARM_UP = 3


class Pairs(Silent):
    """Ends a step of the loop, then does and times the bare one."""

    def __init__(self, model: Any, batches: list[Any]) -> None:
        self.model, self.batches, self.seconds = model, iter(batches), list[tuple[float, float]]()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)
        self.started = 0.0

    @contextlib.contextmanager
    def task(self, *_: object) -> Iterator[Task]:
        yield self

    def advance(self, steps: int, *_: object, **__: object) -> None:
        ended = time.perf_counter()
        if steps:
            batch = next(self.batches)
            before = time.perf_counter()
            self._step(batch)
            self.seconds.append((ended - self.started, time.perf_counter() - before))
        self.started = time.perf_counter()

    def _step(self, batch: Any) -> None:
        logits = self.model(**batch.inputs).logits
        torch.nn.functional.cross_entropy(logits, batch.labels).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def measure(rows: EncodedRows) -> list[tuple[float, float]]:
    """Seconds of the loop's step and of the bare one, for each batch of an epoch."""
    settings = TrainSettings(
        epochs=1,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        precision="fp32",
        checkpoint_s=1e9,
        packing="on",
    )
    order = steps_of_epoch(rows.lengths, BATCH, seed=settings.seed, epoch=0, packed=True)
    batches = [rows.batch(chosen, torch.device("cpu")) for chosen in order]
    model = load_classifier(ENCODER, LABELS)
    bare = copy.deepcopy(model).train()
    few = EncodedRows(token_ids=rows.token_ids[:8], labels=rows.labels[:8], pad_id=rows.pad_id)
    pairs = Pairs(bare, batches)
    with tempfile.TemporaryDirectory() as folder, cheap_dropout(bare, settings.seed), packed_models([bare]):
        Run(
            model, TextClassification(), rows, few, settings, checkpoint=Path(folder) / "checkpoint",
            progress=pairs, curves=NoCurves(),
        ).execute()  # fmt: skip
    return pairs.seconds[WARM_UP:]


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=tuple(DATA), default="short")
    parser.add_argument("--rows", type=int, default=1056, help="30 pairs beside the warm-up")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.disable(logging.WARNING)
    source, length = DATA[given.case]
    with quiet_transformers():
        seconds = measure(load_rows(source, given.rows, 0, length)[0])
    shares = [loop / bare - 1 for loop, bare in seconds]
    quarters = statistics.quantiles(shares, n=4)
    print(f"overhead: median {statistics.median(shares):.1%} of {len(shares)} pairs", file=sys.stderr)
    print(json.dumps({
        "environment": capture(" ".join(sys.argv), datetime.now(UTC).isoformat(timespec="seconds")).as_json(),
        "settings": vars(given), "median_overhead": statistics.median(shares), "quartiles": quarters,
        "loop_s_and_bare_s": seconds,
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
