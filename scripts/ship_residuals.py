"""The residuals that ship (src/fitwright/sizing/data/residuals.json) from the newest results of
benchmarks/sizing.

    python scripts/ship_residuals.py

log(measured ÷ estimate) by kind of device, mode, quantity, engine and precision, then by model. Intervals of
estimates come from these until the ledger of a machine knows better.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fitwright.core.files import write_json
from fitwright.sizing.ledger.intervals import shipped_keys
from fitwright.sizing.ledger.residuals import Group

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
SHIPPED = ROOT / "src" / "fitwright" / "sizing" / "data" / "residuals.json"


def main() -> None:
    found: dict[str, dict[str, list[float]]] = {}
    for group, model, residual in (*memory(newest("sizing-memory")), *latency(newest("sizing-latency"))):
        for key in shipped_keys(group):
            found.setdefault(key, {}).setdefault(model, []).append(round(residual, 4))
    write_json(SHIPPED, dict(sorted(found.items())))
    for key, models in sorted(found.items()):
        print(f"{key}: {sum(map(len, models.values()))} residuals of {len(models)} models")


def newest(name: str) -> dict[str, Any]:
    """The last dated result of that name."""
    answer: dict[str, Any] = json.loads(max(RESULTS.glob(f"*-{name}.json")).read_text(encoding="utf-8"))
    return answer


def memory(result: dict[str, Any]) -> Iterator[tuple[Group, str, float]]:
    """Bytes of the whole process."""
    for row in result["points"]:
        group = Group(
            quantity="memory-process", device="", device_kind="cpu", mode=row["workload"]["mode"],
            engine="torch", precision=row["workload"]["precision"], method="trace",
        )  # fmt: skip
        yield group, row["model"], math.log(row["measured_bytes"] / row["predicted"]["process"])


def latency(result: dict[str, Any]) -> Iterator[tuple[Group, str, float]]:
    """Seconds of a batch, on a profiled machine."""
    for row in result["points"]:
        group = Group(
            quantity="latency", device="", device_kind="cpu", mode="infer", engine=row["engine"],
            precision=row["precision"], method="profile",
        )  # fmt: skip
        yield group, row["model"], math.log(row["measured_s"] / row["estimated_s"])


if __name__ == "__main__":
    main()
