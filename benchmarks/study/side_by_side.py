"""The cells of a ladder side by side, a thread each, beside one by one with all threads: aggregate tokens/s.

Both sides are ``fitwright study run`` on the same plan, start-up of its processes included, in turns. The
ratio is that of a round's two sides.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from fitwright.api.study_ladder import study_design, study_run
from fitwright.core.progress import Silent
from fitwright.core.provenance import capture, usable_cores
from fitwright.scaling.design.plan import Plan
from fitwright.study.designing import DesignSettings


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="what 'study design' takes")
    parser.add_argument("--minutes", type=float, default=1.0, help="budget of the ladder")
    parser.add_argument("--shapes", default="tiny")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "study"
        settings = DesignSettings(minutes=arguments.minutes, shapes=arguments.shapes)
        plan = study_design(arguments.corpus, output=folder, settings=settings)
        print(json.dumps(measure(folder, plan, arguments), indent=1))


def measure(folder: Path, plan: Plan, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each side in each round, order turned every round."""
    cores = usable_cores()
    sides = {"one_by_one": (1, cores), "side_by_side": (cores, 1)}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(arguments.rounds):
        order = list(sides.items())
        for side, (workers, threads) in order if turn % 2 == 0 else order[::-1]:
            shutil.rmtree(folder / "cells", ignore_errors=True)
            began = time.perf_counter()
            study_run(folder, workers=workers, threads=threads, progress=Silent())
            seconds[side].append(time.perf_counter() - began)
    tokens = sum(cell.tokens for cell in plan.cells)
    pairs = zip(seconds["one_by_one"], seconds["side_by_side"], strict=True)
    ratios = [one / beside for one, beside in pairs]
    return {
        "what": "aggregate training tokens/s of a ladder's cells, side by side over one by one",
        "cells": len(plan.cells), "shapes": sorted({cell.shape.name for cell in plan.cells}),
        "tokens": tokens, "cores": cores, "seconds": seconds,
        "tokens_per_s": {side: [tokens / value for value in values] for side, values in seconds.items()},
        "ratio": ratios, "median_ratio": statistics.median(ratios),
        "environment": capture("benchmarks/study/side_by_side.py").as_json(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
