"""1,000 bootstraps of Chinchilla's form over about 250 runs, beside scipy from the published grid, in turns.

The three sides: fitwright's batched solver; ``scipy.optimize`` (BFGS-type ``L-BFGS-B`` with analytic
gradients from the 4,500 starts of Hoffmann et al. 2022, and from the one best start alone); the PyPI package
``chinchilla`` where it is installed. A side that would take hours is timed on a few resamples and quoted per
resample.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from fitwright.core.progress import Silent
from fitwright.core.provenance import capture
from fitwright.data.reading import read_table
from fitwright.scaling.bootstrap import bootstrap
from fitwright.scaling.choice import LAWS
from fitwright.scaling.columns import detect
from fitwright.scaling.fitting import fit_once
from fitwright.scaling.runs import Runs, runs_of
from fitwright.scaling.solver import DELTA, huber

LAW = LAWS["chinchilla"]
GRID = {
    "a": np.arange(0, 30, 5), "b": np.arange(0, 30, 5), "e": np.arange(-1, 1.5, 0.5),
    "alpha": np.arange(0, 2.5, 0.5), "beta": np.arange(0, 2.5, 0.5),
}  # fmt: skip
"""Hoffmann et al. 2022, appendix D.3: 4,500 starts."""


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="runs: CSV with parameters, tokens or FLOPs, and losses")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bootstraps", type=int, default=1000)
    parser.add_argument(
        "--grid-resamples", type=int, default=1, help="resamples of scipy from the whole grid"
    )
    parser.add_argument("--start-resamples", type=int, default=20, help="resamples of scipy from one start")
    arguments = parser.parse_args()
    table = read_table(arguments.table)
    runs = runs_of(table.columns, detect(tuple(table.columns), {}))
    print(json.dumps(measure(runs, arguments), indent=1))


def measure(runs: Runs, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every side once a round; seconds of each round, and the objective that each reached on all runs."""
    best = fit_once(LAW, runs.cells, runs.loss)
    start = LAW.inner(_public(best.theta[0], runs), _plain(runs))
    random = np.random.default_rng(0)
    samples = [random.integers(0, len(runs), len(runs)) for _ in range(arguments.start_resamples)]
    grid = [
        np.array(point, float)
        for point in itertools.product(*(GRID[k] for k in ("e", "a", "b", "alpha", "beta")))
    ]
    sides: dict[str, tuple[Callable[[], Any], int]] = {
        "fitwright": (lambda: _ours(runs, best.theta[0], arguments.bootstraps), arguments.bootstraps),
        "scipy_from_best_start": (lambda: [_scipy(runs, s, [start]) for s in samples], len(samples)),
        "scipy_from_published_grid": (
            lambda: [_scipy(runs, s, grid) for s in samples[: arguments.grid_resamples]],
            arguments.grid_resamples,
        ),
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for round_ in range(arguments.rounds):
        for name, (run, _) in sides.items():
            if name == "scipy_from_published_grid" and round_ > 0:
                continue
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    per = {name: float(np.median(times)) / sides[name][1] for name, times in seconds.items()}
    everything = np.arange(len(runs))
    return {
        "environment": capture("benchmarks/scaling/bootstrap.py").as_json(),
        "runs": len(runs),
        "bootstraps": arguments.bootstraps,
        "resamples": {name: count for name, (_, count) in sides.items()},
        "seconds": seconds,
        "seconds_per_1000": {name: 1000 * value for name, value in per.items()},
        "ratio_to_fitwright": {name: value / per["fitwright"] for name, value in per.items()},
        "objective_on_all_runs": {
            "fitwright": float(best.objective[0]),
            "scipy_from_best_start": _scipy(runs, everything, [start]),
        },
    }


def _ours(runs: Runs, near: Any, resamples: int) -> Any:
    return bootstrap(LAW, runs.cells, runs.loss, near, resamples=resamples, seed=0, progress=Silent())


def _scipy(runs: Runs, rows: Any, starts: list[Any]) -> float:
    """The lowest objective from those starts, as the published code finds it."""
    size, data, log_loss = np.log(runs.size[rows]), np.log(runs.data[rows]), np.log(runs.loss[rows])

    def objective(theta: Any) -> tuple[float, Any]:
        e, a, b, alpha, beta = theta
        logs = np.stack([np.full_like(size, e), a - alpha * size, b - beta * data])
        highest = logs.max(axis=0)
        parts = np.exp(logs - highest)
        total = parts.sum(axis=0)
        residual = highest + np.log(total) - log_loss
        pull = np.clip(residual, -DELTA, DELTA)
        floor, by_size, by_data = parts / total
        slope = [
            pull @ floor,
            pull @ by_size,
            pull @ by_data,
            -pull @ (by_size * size),
            -pull @ (by_data * data),
        ]
        return float(huber(residual).sum()), np.array(slope)

    return min(float(minimize(objective, start, jac=True, method="L-BFGS-B").fun) for start in starts)


def _public(theta: Any, runs: Runs) -> dict[str, float]:
    return {name: float(value[0]) for name, value in LAW.public(theta[None], runs.cells).items()}


def _plain(runs: Runs) -> Any:
    from fitwright.scaling.cells import cells_of

    return cells_of(runs.size, runs.data, centre=False)


if __name__ == "__main__":
    main()
