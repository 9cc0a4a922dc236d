"""The measured points beside what Fitwright and other tools predict for them: errors, as tables."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from points import Measured

from fitwright.catalog import store
from fitwright.core.provenance import capture
from fitwright.sizing import devices
from fitwright.sizing.interface import estimate
from fitwright.sizing.ledger.conformal import calibrate
from fitwright.sizing.memory.holes import HeapUse, heap_use, holes_bytes
from fitwright.sizing.trace.obtain import conditions_of, obtain

Row = dict[str, Any]
MEGABYTE = 1e6
FEATURES, REWEIGHTED = 3, 50
PEERS_LIMIT_S = 1800


def report(chosen: Sequence[Measured], done: Mapping[str, Sequence[Row]], *, peers: bool) -> Row:
    """Everything as one JSON value; the tables go to stderr."""
    known = [point for point in chosen if done.get(point.key)]
    rows = [row_of(point, done[point.key]) for point in known]
    leave_models_out(rows)
    refit_holes(rows)
    if peers:
        for row, said in zip(rows, ask_peers(known), strict=True):
            row["peers"] = said
    inference = [row for row in rows if row["workload"]["mode"] == "infer"]
    answer = {
        "environment": {**capture("memory.py").as_json(), "threads": 1, "steps": 3},
        "summary": {name: summary(group) for name, group in groups(rows).items()},
        "holes": dict(zip(("retained", "small", "bytes"), fit_holes(inference), strict=True))
        if inference
        else None,
        "peers": peer_summary(rows),
        "repeats": {row["point"]: row["repeat_spread_pct"] for row in rows if len(row["samples"]) > 1},
        "points": rows,
    }
    show(answer)
    return answer


def predicted(point: Measured) -> Row:
    """Bytes by the public estimate. ``process`` includes the process before the model is there."""
    spec, work, device = store.load(point.id), point.workload, devices.detect()
    record = estimate(spec, work, device)
    trace = obtain(spec, conditions_of(spec, work, device), point=(work.micro_batch, work.seq)).trace
    process = record["memory-process"]
    return {
        "process": process.value, "low": process.low, "high": process.high,
        "allocated": record.value("memory-allocated"), "instant": record.context.get("instant"),
        "assumptions": record.context["assumptions"],
        "heap": None if trace is None else heap_use(trace, work.micro_batch, work.seq)._asdict(),
    }  # fmt: skip


def row_of(point: Measured, samples: Sequence[Row]) -> Row:
    """One point's measurement (median of its processes), prediction and errors.

    ``error_pct``: of the whole process, relative to what the model adds to it, which is the harder measure;
    ``error_of_process_pct``: relative to the process.
    """
    process, floor = (median(sample[name] for sample in samples) for name in ("peak", "floor"))
    added = median(sample["peak"] - sample["floor"] for sample in samples)
    spread = [sample["peak"] - sample["floor"] for sample in samples]
    found = predicted(point)
    off = found["process"] - process
    return {
        "point": point.key, "model": point.id, "kind": point.kind, "workload": asdict(point.workload),
        "measured_bytes": process, "floor_bytes": floor, "added_bytes": added, "predicted": found,
        "error_pct": 100 * off / added, "error_of_process_pct": 100 * off / process,
        "allocated_error_pct": 100 * (found["allocated"] - added) / added,
        "above_upper": process > found["high"],
        "repeat_spread_pct": 100 * (max(spread) - min(spread)) / added,
        "samples": list(samples),
    }  # fmt: skip


def leave_models_out(rows: Sequence[Row]) -> None:
    """To each row the interval that the other models' points of its mode give it (split conformal, 90 %)."""
    for row in rows:
        others = [
            (other["model"], math.log(other["measured_bytes"] / other["predicted"]["process"]))
            for other in rows
            if other["model"] != row["model"] and other["workload"]["mode"] == row["workload"]["mode"]
        ]
        found = calibrate(others)
        row["left_out"] = None
        if found is not None:
            low, high = (bound * row["predicted"]["process"] for bound in (found.low, found.high))
            row["left_out"] = {
                "low": low, "high": high, "from_points": found.count,
                "above_upper": row["measured_bytes"] > high,
            }  # fmt: skip


def refit_holes(rows: Sequence[Row]) -> None:
    """To each row its error with the fitted constants of inference taken from the other models' points alone.

    What the heap of a forward pass holds besides tensors is predicted by three constants fitted on such
    points (``fitwright.sizing.memory.holes``), so their plain error is in sample. Here they are fitted anew
    without the row's model. Training has no constant fitted on these points: its error is the plain.
    """
    inference = [row for row in rows if row["workload"]["mode"] == "infer"]
    for row in rows:
        row["error_left_out_pct"] = row["error_pct"]
    for row in inference:
        others = [other for other in inference if other["model"] != row["model"]]
        if len(others) >= 3 * FEATURES:
            left_out = sum(c * x for c, x in zip(fit_holes(others), _features(row), strict=True))
            told = float(holes_bytes(HeapUse(**row["predicted"]["heap"]))[0])
            row["error_left_out_pct"] = row["error_pct"] + 100 * (left_out - told) / row["added_bytes"]


def fit_holes(rows: Sequence[Row]) -> list[float]:
    """Factors of retained and of small bytes, and bytes: least absolute errors relative to what is added.

    Iteratively reweighted least squares; errors below 0.5 % count alike.
    """
    added = np.array([row["added_bytes"] for row in rows])
    features = np.array([_features(row) for row in rows]) / added[:, None]
    target = np.array([row["added_bytes"] - row["predicted"]["allocated"] for row in rows]) / added
    found = np.linalg.lstsq(features, target, rcond=None)[0]
    for _ in range(REWEIGHTED):
        weight = 1 / np.sqrt(np.maximum(np.abs(features @ found - target), 0.005))
        found = np.linalg.lstsq(features * weight[:, None], target * weight, rcond=None)[0]
    return [float(value) for value in found]


def _features(row: Row) -> list[float]:
    use = row["predicted"]["heap"]
    return [use["retained"], use["small"], 1.0]


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows that a line of the table is about."""
    found = {"all": list(rows)}
    ways: tuple[Callable[[Row], str], ...] = (
        lambda row: row["workload"]["mode"],
        lambda row: f"{row['kind']}, {row['workload']['mode']}",
        lambda row: f"{row['workload']['precision']}, {row['workload']['mode']}",
        lambda row: f"{row['workload']['attention']} attention, {row['workload']['mode']}",
    )
    for name_of in ways:
        for row in rows:
            found.setdefault(name_of(row), []).append(row)
    for name in ("checkpointing", "accumulation"):
        found[name] = [row for row in rows if int(row["workload"][name]) > int(name == "accumulation")]
    return {name: group for name, group in found.items() if group}


def summary(rows: Sequence[Row]) -> Row:
    """Errors of a group, left one model out, in percent of what the models add."""
    judged = [row["left_out"] for row in rows if row["left_out"]]
    return {
        **errors(row["error_left_out_pct"] for row in rows),
        "in_sample": errors(row["error_pct"] for row in rows),
        "of_process_median_pct": errors(row["error_of_process_pct"] for row in rows)["median_pct"],
        "allocated_bias_pct": errors(row["allocated_error_pct"] for row in rows)["bias_pct"],
        "above_upper": sum(row["above_upper"] for row in rows),
        "above_upper_left_out": sum(one["above_upper"] for one in judged) if judged else None,
    }


def errors(signed: Iterable[float]) -> Row:
    """Count, signed median, and median, 90th percentile (nearest rank) and worst of the sizes."""
    values = list(signed)
    sizes = sorted(abs(value) for value in values)
    if not sizes:
        return {"points": 0, "bias_pct": None, "median_pct": None, "p90_pct": None, "worst_pct": None}
    return {
        "points": len(sizes), "bias_pct": median(values), "median_pct": median(sizes),
        "p90_pct": sizes[math.ceil(0.9 * len(sizes)) - 1], "worst_pct": sizes[-1],
    }  # fmt: skip


def ask_peers(points: Sequence[Measured]) -> list[Row]:
    """What the other tools say, from a process of their own."""
    asked = json.dumps([{"id": point.id, "workload": asdict(point.workload)} for point in points])
    command = [sys.executable, str(Path(__file__).with_name("peers.py")), asked]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PEERS_LIMIT_S)
    if ended.returncode:
        raise SystemExit(f"peers.py failed: {ended.stderr.strip()[-500:]}")
    said: list[Row] = json.loads(ended.stdout.splitlines()[-1])
    return said


def peer_summary(rows: Sequence[Row]) -> Row:
    """For each tool its errors, Fitwright's on the points it answers, and why it has no answer elsewhere."""
    found: Row = {}
    for name in rows[0].get("peers", {}) if rows else {}:
        answered = [row for row in rows if isinstance(row["peers"][name], int)]
        reasons: dict[str, int] = {}
        for row in rows:
            if not isinstance(row["peers"][name], int):
                reasons[row["peers"][name]] = reasons.get(row["peers"][name], 0) + 1
        found[name] = {
            "errors": errors(100 * (row["peers"][name] / row["added_bytes"] - 1) for row in answered),
            "fitwright_same_points": errors(row["error_left_out_pct"] for row in answered),
            "no_answer": reasons,
        }
    return found


def show(answer: Row) -> None:
    """The tables, to stderr."""
    names = ("added MB", "predicted", "error %", "left out", "tensors %", "spread %")
    say(f"\n{'point':72s} " + " ".join(f"{name:>9s}" for name in names))
    for row in answer["points"]:
        added, off = row["added_bytes"], row["predicted"]["process"] - row["measured_bytes"]
        spread = f"{row['repeat_spread_pct']:9.1f}" if len(row["samples"]) > 1 else ""
        say(
            f"{row['point']:72s} {added / MEGABYTE:9.0f} {(added + off) / MEGABYTE:9.0f} "
            f"{row['error_pct']:+9.1f} {row['error_left_out_pct']:+9.1f} "
            f"{row['allocated_error_pct']:+9.1f} {spread}"
        )
    names = ("bias %", "median", "p90", "worst", "above", "left out")
    say(f"\n{'':34s} points " + " ".join(f"{name:>7s}" for name in names))
    for name, one in answer["summary"].items():
        say(f"{name:34s} {_line(one)} {one['above_upper']:7d} {one['above_upper_left_out'] or 0:8d}")
    for name, one in answer["peers"].items():
        say(f"{name:34s} {_line(one['errors'])}")
        say(f"{'  Fitwright on the same points':34s} {_line(one['fitwright_same_points'])}")


def _line(one: Row) -> str:
    if not one["points"]:
        return f"{0:6d}"
    numbers = " ".join(f"{one[name]:7.1f}" for name in ("median_pct", "p90_pct", "worst_pct"))
    return f"{one['points']:6d} {one['bias_pct']:+7.1f} {numbers}"


def say(text: str) -> None:
    """One line to stderr."""
    print(text, file=sys.stderr, flush=True)
