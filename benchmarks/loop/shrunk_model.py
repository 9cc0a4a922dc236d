"""The shrunk model of `make demo` against its teacher in torch fp32: same rows and batches, in turns."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from fitwright.core.provenance import capture
from fitwright.data.dataset import load_labelled
from fitwright.data.splitting import split
from fitwright.evaluation.evaluate import EvaluationSettings, evaluate
from fitwright.spec.manifest import Manifest


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("build/demo"), help="where make demo worked")
    parser.add_argument("--seconds", type=float, default=20.0, help="time aimed at for each engine")
    arguments = parser.parse_args()
    bundle, teacher = arguments.demo / "fit" / "bundle", arguments.demo / "fit" / "teacher"
    if not bundle.is_dir():
        sys.exit(f"error: {bundle} is not there: run 'make demo' first")
    how = Manifest.read(teacher).data["split"]
    dataset, _ = load_labelled(arguments.demo / "reviews.csv")
    settings = EvaluationSettings(seconds=arguments.seconds, rounds=20)
    found = evaluate(bundle, split(dataset, **how).test, against=teacher, settings=settings)
    print(json.dumps({"environment": capture("shrunk_model.py").as_json(), **found.as_json()}, indent=1))


if __name__ == "__main__":
    main()
