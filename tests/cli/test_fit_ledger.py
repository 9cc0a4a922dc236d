"""What a real ``fitwright fit`` leaves in the ledger."""

from __future__ import annotations

import json
from pathlib import Path

from fitwright.sizing.ledger import store
from tests.cli.conftest import Fitted


def test_a_fit_fills_it(fitted: Fitted, own_home: Path) -> None:
    kept = [e for e in store.read(own_home.parent / "session" / "ledger.jsonl").entries if e.source == "fit"]
    assert {(e.engine, e.precision) for e in kept} >= {("torch", "fp32"), ("onnxruntime", "int8")}
    measured = json.loads((fitted.folder / "stages" / "measure.json").read_text())["result"]["evaluation"]
    latency = measured["candidate"]["quantities"]["latency-p50"]["value"]
    assert latency in [e.measured.value for e in kept if e.quantity == "latency"]
    assert {"memory-process", "size", "throughput", "latency-p95"} <= {e.quantity for e in kept}
    assert not any("/" in e.model for e in kept)
