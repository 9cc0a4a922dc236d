"""How fast this machine trains small models: a few timed steps of each, instead of a data sheet."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from fitwright.core.files import write_json
from fitwright.core.optional import require
from fitwright.core.provenance import usable_cores
from fitwright.modeling.attention import choose_training_attention
from fitwright.modeling.language_model import load_language_model
from fitwright.scaling.design.families import Family
from fitwright.scaling.design.shapes import Shape
from fitwright.training.threads import keep_torch_threads

_STEPS, _MOST_STEPS_S = 3, 2.0
WORTH_IT = 1.05
"""Side by side pays from this gain on; below it one run with all threads needs less memory."""


def step_seconds(
    family: Family, shape: Shape, vocabulary: int, block: int, batch: int, *, threads: int = 1
) -> float:
    """Seconds of one optimiser step of ``batch`` blocks that all threads spent together; the fewest of three.

    The process's own time, so that what else runs on the machine does not count. OpenMP's threads wait
    actively, so that a thread without work counts too.
    """
    torch: Any = require("torch")
    clock = time.process_time
    with keep_torch_threads(threads):
        model = _model(family, shape, vocabulary, block)
        optimiser = torch.optim.AdamW(model.parameters(), lr=0.0, fused=True)
        ids_BT = torch.randint(0, vocabulary, (batch, block), generator=torch.Generator().manual_seed(0))
        found: list[float] = []
        while len(found) < 2 or (len(found) <= _STEPS and sum(found) < _MOST_STEPS_S):
            start = clock()
            logits_BTV = model(input_ids=ids_BT).logits
            torch.nn.functional.cross_entropy(logits_BTV.flatten(0, 1), ids_BT.flatten()).backward()
            optimiser.step()
            optimiser.zero_grad()
            found.append(clock() - start)
        return min(found[1:])  # the first one sets up kernels


def side_by_side(family: Family, shape: Shape, vocabulary: int, block: int, batch: int) -> tuple[int, float]:
    """How many runs of a shape go side by side, a thread each, and the gain over one run with all threads."""
    cores = usable_cores()
    if cores == 1:
        return 1, 1.0
    alone = step_seconds(family, shape, vocabulary, block, batch)
    together = step_seconds(family, shape, vocabulary, block, batch, threads=cores)
    gain = min(float(cores), together / alone)
    return (cores if gain >= WORTH_IT else 1), gain


def _model(family: Family, shape: Shape, vocabulary: int, block: int) -> Any:
    with tempfile.TemporaryDirectory() as name:
        write_json(Path(name) / "config.json", family.config(shape, vocabulary, block))
        objective = "causal" if family.kind == "decoder" else "masked"
        model: Any = load_language_model(Path(name), objective)  # type: ignore[arg-type]
    choose_training_attention(model, "cpu", block)
    model.config.use_cache = False
    return model.train()
