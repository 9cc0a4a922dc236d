"""What a step is predicted to need on this CPU against what a fresh process that runs it takes.

    python benchmarks/sizing/memory.py --resume build/memory.jsonl > memory.json

Points and models: ``points.py``; one process: ``memory_point.py``. Progress and tables go to stderr, JSON to
stdout. Every finished process is kept in the file after ``--resume``, so that an interrupted run goes on
where it stopped. Predictions are made anew each time, in a home of their own beside that file: no ledger of
this machine helps them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from points import Measured, points

HERE = Path(__file__).parent
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
LIMIT_S = 900


def main() -> None:
    """Measure what the file lacks, predict, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--resume", type=Path, default=Path("build/memory.jsonl"), help="finished processes, one a line"
    )
    parser.add_argument("--only", default="", help="points whose name holds this text")
    parser.add_argument(
        "--measured", action="store_true", help="start no process: the points that the file has"
    )
    parser.add_argument("--no-peers", action="store_true", help="do not ask other tools")
    arguments = parser.parse_args()
    chosen = [point for point in points() if arguments.only in point.key]
    done = read(arguments.resume)
    if not arguments.measured:
        measure_all(chosen, done, arguments.resume)
    os.environ["FITWRIGHT_HOME"] = str(arguments.resume.with_suffix(".home").resolve())
    from memory_report import report

    print(json.dumps(report(chosen, done, peers=not arguments.no_peers), indent=1))


def read(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Point's name → what each of its processes printed."""
    found: dict[str, list[dict[str, Any]]] = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            found.setdefault(entry["key"], []).append(entry["measured"])
    return found


def measure_all(chosen: list[Measured], done: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Run the processes that are missing, one after another, and add each to ``done`` and to the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    missing = [point for point in chosen for _ in range(point.repeats - len(done.get(point.key, ())))]
    started = time.monotonic()
    for number, point in enumerate(missing, start=1):
        found = run(point)
        spent = time.monotonic() - started
        left = spent / number * (len(missing) - number)
        if found is None:
            continue
        done.setdefault(point.key, []).append(found)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": point.key, "measured": found}) + "\n")
        added = (found["peak"] - found["floor"]) / 1e6
        say(f"{number}/{len(missing)} {point.key}: {added:.0f} MB added; {spent:.0f} s, {left:.0f} s left")


def run(point: Measured) -> dict[str, Any] | None:
    """One point in a fresh process; ``None`` where it failed, which is said."""
    asked = json.dumps({"id": point.id, "workload": asdict(point.workload)})
    command = [sys.executable, str(HERE / "memory_point.py"), asked]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **ONE_THREAD}, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired:
        say(f"{point.key}: not done after {LIMIT_S} s, left out")
        return None
    if ended.returncode:
        why = ended.stderr.strip()[-500:] or f"it ended with {ended.returncode}"  # below 0: a signal
        say(f"{point.key}: failed, left out: {why}")
        return None
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def say(text: str) -> None:
    """One line of progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
