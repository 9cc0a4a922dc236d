"""How the tests of ``fit`` run it: a tiny model, one epoch of everything, real measurements."""

from __future__ import annotations

from pathlib import Path

BUDGET = "size=1.06MB,max-drop=100"
"""All four layers at int8 are 1.07 MB, three are 1.05 MB: a student must be taught. No timing decides."""


def fit_arguments(data: Path, model: Path, output: Path, *more: str, budget: str = BUDGET) -> list[str]:
    """The command line of a quick fit."""
    return [
        "fit", str(data), "--output", str(output), "--model", str(model), "--budget", budget,
        "--epochs", "1", "--distil-epochs", "1", "--max-length", "48", "--precision", "fp32",
        "--threads", "1", *more,
    ]  # fmt: skip
