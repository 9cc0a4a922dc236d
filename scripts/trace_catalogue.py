"""Trace the catalogue into src/fitwright/sizing/data/traces.bin. Needs torch; about half an hour.

    python scripts/trace_catalogue.py [ID ...]

Rows given are traced anew, the others kept. Without an id, rows that the file lacks are traced.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from fitwright.catalog import store as catalogue
from fitwright.core.errors import FitwrightError
from fitwright.sizing.trace.conditions import Conditions, window_of
from fitwright.sizing.trace.program import Trace
from fitwright.sizing.trace.store import SHIPPED, pack, shipped, shipped_keys
from fitwright.sizing.tracing.interface import trace
from fitwright.spec.model import ModelSpec

WORKERS = 2
GONE = ("nezha", "openelm")  # types that transformers 5.18 has no class for
STEP_BY_TOKEN = ("mamba",)  # the trace would hold one operator a token


def variants(windowed: bool) -> list[Conditions]:
    """The conditions that ship for each row."""
    infer = [("fp32", "fused", "cpu"), ("low", "fused", "cpu"), ("fp32", "eager", "cpu")]
    train = [
        ("fp32", "fused", "cpu"), ("fp32", "fused", "cuda"), ("low", "fused", "cuda"),
        ("autocast", "fused", "cuda"), ("fp32", "eager", "cuda"),
    ]  # fmt: skip
    found = [Conditions(mode="infer", precision=p, attention=a, device=d) for p, a, d in infer]
    found += [Conditions(mode="train", precision=p, attention=a, device=d) for p, a, d in train]
    found.append(
        Conditions(mode="train", precision="autocast", attention="fused", device="cuda", checkpointing=True)
    )
    if windowed:
        long = [found[0], found[1], found[6]]
        found += [
            Conditions(
                mode=c.mode, precision=c.precision, attention=c.attention, device=c.device, window="long"
            )
            for c in long
        ]
    return found


def traced(model_id: str) -> dict[str, Trace]:
    """The row's traces by the key of their conditions; empty where none could be made."""
    spec = catalogue.load(model_id)
    row = spec.facts
    values = {**row["config"], "model_type": row["model_type"]}
    found: dict[str, Trace] = {}
    for conditions in variants(window_of(values) is not None):
        try:
            made = trace(
                values, conditions, architecture=row["built_class"], source=spec.id,
                longest=spec.max_sequence_length, untied=bool(spec.warning),
            )  # fmt: skip
        except FitwrightError as error:
            print(f"  {conditions.key()}: {error}", file=sys.stderr)
            continue
        if made.point is None:
            found[conditions.key()] = made
            if made.parameter_count != spec.parameters:
                print(
                    f"  {spec.id}: {made.parameter_count} parameters, catalogue {spec.parameters}",
                    file=sys.stderr,
                )
    return found


def main(wanted: list[str]) -> None:
    kept = {spec.id: keys for spec in catalogue.load_all() if (keys := _shipped(spec.id))}
    rows = [s for s in catalogue.load_all() if s.model_type not in (*GONE, *STEP_BY_TOKEN)]
    todo = [s for s in rows if (s.id in wanted if wanted else s.id not in kept)]
    groups: dict[str, list[ModelSpec]] = {}
    for spec in todo:  # rows of one config have one trace
        row = spec.facts
        same = json.dumps(
            [spec.model_type, row["built_class"], row["config"], spec.max_sequence_length], sort_keys=True
        )
        groups.setdefault(same, []).append(spec)
    start, done = time.perf_counter(), 0
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        for specs, found in zip(
            groups.values(), pool.map(traced, [g[0].id for g in groups.values()]), strict=True
        ):
            done += 1
            kept |= {spec.id: found for spec in specs if found}
            spent = time.perf_counter() - start
            left = spent / done * (len(groups) - done)
            print(f"{done}/{len(groups)} {specs[0].id}: {spent:.0f} s, {left:.0f} s left", flush=True)
            if done % 20 == 0 or done == len(groups):
                write(SHIPPED, pack(kept))


def _shipped(model_id: str) -> dict[str, Trace]:
    made = {key: shipped(model_id, key) for key in shipped_keys(model_id)}
    return {key: trace for key, trace in made.items() if trace is not None}


def write(path: Path, content: bytes) -> None:
    """All of it or nothing: whoever stops the script keeps the file of before."""
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
