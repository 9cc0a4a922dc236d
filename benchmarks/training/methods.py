"""What full training, LoRA and head-only reach on the reference encoder, and what keeps an old task.

Old task: short sentences; new task: whole reviews cut at 128 tokens, the same two classes. A model trained on
the old goes on with the new: with nothing against forgetting, with replay, with a penalty on the way from its
start, with LoRA. Both are measured on their test parts, before and after.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from film_reviews import ENCODER, read_labelled

import fitwright
from fitwright.core.provenance import capture
from fitwright.training.directory import read_history
from fitwright.training.settings import TrainSettings

METHODS: dict[str, dict[str, Any]] = {
    "full": {"learning_rate": 1e-4},
    "lora": {"learning_rate": 5e-4, "method": "lora"},
    "head": {"learning_rate": 1e-3, "method": "head"},
}
AGAINST_FORGETTING: dict[str, dict[str, Any]] = {
    "nothing": {"learning_rate": 1e-4, "replay_share": 0.0},
    "replay 20 %": {"learning_rate": 1e-4, "replay_share": 0.2},
    "l2 to start 1": {"learning_rate": 1e-4, "replay_share": 0.0, "l2_to_start": 1.0},
    "lora": {"learning_rate": 5e-4, "replay_share": 0.0, "method": "lora"},
}


def write_rows(source: str, count: int, path: Path) -> None:
    """Some reviews of that source as a table."""
    rows = read_labelled(source=source)
    random.Random(0).shuffle(rows)  # noqa: S311
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows[:count]])


def run(
    name: str, folder: Path, seed: int, data: Path, model: Path, more: dict[str, Any], **kwargs: Any
) -> Any:
    """One training; what it was and what came out."""
    settings = TrainSettings(epochs=2, max_length=128, precision="fp32", seed=seed, test=0.3, **more)
    made = fitwright.train(data, model=str(model), output=folder / name, settings=settings, **kwargs)
    history = read_history(made)
    print(f"seed {seed} {name}: {history.as_json()['continued'] or history.best.score}", file=sys.stderr)
    return made, {
        "name": name, "seed": seed, "seconds": history.seconds, "validation_accuracy": history.best.score,
        "trained_parameters": history.trained_parameters, "continued": dict(history.continued),
    }  # fmt: skip


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--old-rows", type=int, default=3000)
    parser.add_argument("--new-rows", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        old, new = folder / "old.csv", folder / "new.csv"
        write_rows("rotten_tomatoes", given.old_rows, old)
        write_rows("imdb", given.new_rows, new)
        for seed in range(given.seeds):
            place = folder / str(seed)
            made = {}
            for name, more in METHODS.items():
                made[name], told = run(name, place / "old", seed, old, ENCODER, more)
                found.append({"part": "methods", **told})
            for name, more in AGAINST_FORGETTING.items():
                _, told = run(name, place / "new", seed, new, made["full"], more, replay=old)
                found.append({"part": "continue", **told})
    print(json.dumps({
        "environment": capture(" ".join(sys.argv), datetime.now(UTC).isoformat(timespec="seconds")).as_json(),
        "settings": vars(given), "runs": found,
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
