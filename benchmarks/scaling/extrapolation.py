"""How far off is the form that ``study fit`` chooses, on runs that it never saw, beside the published form?

For each table the largest part by compute, by size and by (unique) data is held out in turn; the form is
chosen and fitted on the rest alone. Errors are mean relative errors of the held-out losses; ``covered`` is
the share of them inside the interval that a prediction stated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from fitwright.core.errors import CheckError
from fitwright.core.provenance import capture
from fitwright.data.reading import read_table
from fitwright.scaling.backtest import Split, backtest, splits_of
from fitwright.scaling.choice import LAWS
from fitwright.scaling.columns import detect
from fitwright.scaling.fit import FitSettings, fit_runs
from fitwright.scaling.runs import Runs, runs_of

LEAST, MOST = 0.15, 0.35
"""Shares of the runs that are held out."""


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+", help="CSV files of runs")
    parser.add_argument("--group-column", default=None, help="a column that parts a file into tables")
    arguments = parser.parse_args()
    found = {
        name: judge(runs)
        for path in arguments.tables
        for name, runs in _tables(path, arguments.group_column).items()
    }
    print(
        json.dumps(
            {"environment": capture("benchmarks/scaling/extrapolation.py").as_json(), "tables": found},
            indent=1,
        )
    )


def judge(runs: Runs) -> dict[str, Any]:
    """Every split of a table."""
    published = "data-constrained-tied" if runs.cells.repeated.any() else "chinchilla"
    splits = [s for s in splits_of(runs.cells) if s.axis != "fold" and LEAST < s.held.mean() < MOST]
    return {"runs": len(runs), "published": published, "splits": [_split(runs, s, published) for s in splits]}


def _split(runs: Runs, split: Split, published: str) -> dict[str, Any]:
    rest, held = _part(runs, split.fitted), _part(runs, split.held)
    study = fit_runs(rest, FitSettings(bootstraps=0))
    cells, loss = runs.cells, runs.loss
    errors = {
        name: float(np.abs(np.expm1(backtest(LAWS[name], cells, loss, [split]).errors[0])).mean())
        for name in {study.law.name, published}
    }
    inside, widths, refused = [], [], 0
    for size, data, unique, measured in zip(held.size, held.data, held.unique, held.loss, strict=True):
        try:
            told = study.predict(size=size, data=data, unique=unique)
        except CheckError:
            refused += 1
            continue
        inside.append(told.interval[0] <= measured <= told.interval[1])
        widths.append(told.interval[1] / told.loss - 1)
    return {
        "axis": split.axis, "held_out": int(split.held.sum()), "reach": float(np.exp(split.reach.max())),
        "chosen": study.law.name, "error": errors[study.law.name], "published_error": errors[published],
        "covered": float(np.mean(inside)) if inside else None,
        "half_width": float(np.median(widths)) if widths else None, "refused": refused,
    }  # fmt: skip


def _part(runs: Runs, keep: Any) -> Runs:
    return Runs(
        size=runs.size[keep], data=runs.data[keep], unique=runs.unique[keep], loss=runs.loss[keep],
        size_kind=runs.size_kind,
    )  # fmt: skip


def _tables(path: Path, group: str | None) -> dict[str, Runs]:
    table = read_table(path)
    columns = detect(tuple(table.columns), {})
    if group is None or group not in table.columns:
        return {path.stem: runs_of(table.columns, columns)}
    names = sorted(set(table.columns[group]))
    return {
        name: runs_of(
            {key: [v for v, of in zip(values, table.columns[group], strict=True) if of == name] for key,
            values in table.columns.items()}, columns,
        )
        for name in names
    }  # fmt: skip


if __name__ == "__main__":
    main()
