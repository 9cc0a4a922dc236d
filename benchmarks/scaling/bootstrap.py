"""1,000 bootstraps of Chinchilla's form over about 250 runs, beside scipy from the published grid, in turns.

The sides: fitwright's batched solver with all its starts; ``scipy.optimize`` (``L-BFGS-B``, analytic
gradients) for each resample from the best fit alone; and from starts of the published grid of 4,500 (Hoffmann
et al. 2022), of which a random part is timed and the whole is quoted as so many times that. Where the PyPI
package ``chinchilla`` is installed, its ``fit`` (``BFGS``, numerical gradients) runs from the same part of
the grid.
"""

from __future__ import annotations

import argparse
import importlib.util
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
    parser.add_argument("--grid-starts", type=int, default=60, help="starts of the grid that are timed")
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
    axes = (GRID[name] for name in ("e", "a", "b", "alpha", "beta"))
    grid = [np.array(point, float) for point in itertools.product(*axes)]
    part = [grid[at] for at in random.choice(len(grid), arguments.grid_starts, replace=False)]
    whole = len(grid) / len(part)
    sides: dict[str, tuple[Callable[[], Any], float]] = {
        "fitwright": (lambda: _ours(runs, best.theta[0], arguments.bootstraps), arguments.bootstraps),
        "scipy_from_best_start": (lambda: [_scipy(runs, s, [start]) for s in samples], len(samples)),
        "scipy_from_published_grid": (lambda: _scipy(runs, samples[0], part), 1 / whole),
    }
    if importlib.util.find_spec("chinchilla"):
        sides["chinchilla_from_published_grid"] = (lambda: _package(runs, samples[0], part), 1 / whole)
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    processor_seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.rounds):
        for name, (run, _) in sides.items():
            began, worked = time.perf_counter(), time.process_time()
            run()
            seconds[name].append(time.perf_counter() - began)
            processor_seconds[name].append(time.process_time() - worked)
    per = {name: float(np.median(times)) / sides[name][1] for name, times in processor_seconds.items()}
    everything = np.arange(len(runs))
    return {
        "environment": capture("benchmarks/scaling/bootstrap.py").as_json(),
        "runs": len(runs),
        "bootstraps": arguments.bootstraps,
        "resamples": {name: count for name, (_, count) in sides.items()},
        "grid": {"starts": len(grid), "timed": len(part)},
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "processor_seconds_per_1000": {name: 1000 * value for name, value in per.items()},
        "ratio_to_fitwright": {name: value / per["fitwright"] for name, value in per.items()},
        "objective_on_all_runs": {
            "fitwright": float(best.objective[0]),
            "scipy_from_best_start": _scipy(runs, everything, [start]),
            "scipy_from_part_of_the_grid": _scipy(runs, everything, part),
        },
    }


def _package(runs: Runs, rows: Any, starts: list[Any]) -> None:
    """The package's own objective and optimiser, one start after the other, without its plots."""
    import tempfile

    from chinchilla import Chinchilla
    from chinchilla._metrics import log_huber

    with tempfile.TemporaryDirectory() as folder:
        names = ("e", "a", "b", "alpha", "beta")
        fitter = Chinchilla(
            folder, {name: [0.0, 1.0] for name in names}, seed_ranges={"C": (1e18, 1e22), "N_to_D": (10,
            100)}, loss_fn=log_huber, log_level=40,
        )  # fmt: skip
        fitter._const = {
            "log_N": np.log(runs.size[rows]), "log_D": np.log(runs.data[rows]), "y_true": runs.loss[rows],
            "weights": None,
        }  # fmt: skip
        fitter._autoscale_range = np.ones(len(names))
        for start in starts:
            minimize(fitter._evaluate_params, start, method="BFGS")


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
