"""One point of the memory benchmark, in a fresh process: build a model, run its step, print what that took.

    python benchmarks/sizing/memory_point.py '{"id": "openai-community/gpt2", "workload": {"batch": 4}}'

Printed as JSON, in bytes: ``floor``, resident after imports and one tiny layer; ``built``, with the model;
``peak``, the most that was resident at any time after; ``peaks``, the same after each step; ``libraries``,
how much more of the libraries' files is resident at the end than at the floor. Needs Linux.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwright.catalog import store
from fitwright.spec.workload import Workload

STEPS = 3
LEARNING_RATE = 1e-5


def measure(model_id: str, workload: Workload) -> dict[str, Any]:
    """Run ``STEPS`` steps of the catalogue model with random weights; bytes of the process."""
    import torch
    import transformers
    from transformers.utils import logging

    from fitwright.sizing.tracing import model as models
    from fitwright.sizing.tracing.inputs import batch_for

    logging.set_verbosity_error()
    torch.manual_seed(0)
    spec = store.load(model_id)
    config = models.config_of({**spec.facts["config"], "model_type": spec.model_type}, spec.id)
    model_class = getattr(transformers, spec.facts["built_class"])
    torch.nn.Linear(8, 8)(torch.zeros(1, 8)).sum().backward()  # libraries load on first use
    floor, libraries = status_bytes("VmRSS"), status_bytes("RssFile")
    model = build(model_class, config, workload)
    built = status_bytes("VmRSS")
    train = workload.mode == "train"
    batch = batch_for(model, workload.micro_batch, workload.seq, train=train, device="cpu")
    fill(batch)
    step = step_of(model, batch, workload, "cpu")
    Path("/proc/self/clear_refs").write_text("5")  # the kernel forgets the peak of the building
    peaks = []
    for _ in range(STEPS):
        step()
        peaks.append(status_bytes("VmHWM"))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    agrees = parameters == spec.parameters
    return {
        "floor": floor, "built": built, "peak": peaks[-1], "peaks": peaks,
        "libraries": status_bytes("RssFile") - libraries, "parameters_agree": agrees,
    }  # fmt: skip


def build(model_class: Any, config: Any, workload: Workload) -> Any:
    """The model with random weights, in the dtype that the workload keeps them in."""
    import torch

    pure = workload.precision != "fp32" and not workload.is_autocast
    options = {"dtype": torch.bfloat16 if pure else torch.float32}
    attention = "eager" if workload.attention == "eager" else "sdpa"
    try:
        model = model_class._from_config(config, attn_implementation=attention, **options)
    except ValueError:  # a class without fused attention
        model = model_class._from_config(config, attn_implementation="eager", **options)
    model.train(workload.mode == "train")
    if workload.checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def fill(batch: dict[str, Any]) -> None:
    """Content for the inputs: ids that every vocabulary has, noise for images and sound."""
    for name, tensor in batch.items():
        if name in ("input_ids", "decoder_input_ids"):
            tensor.random_(5, 1000)
        elif hasattr(tensor, "is_floating_point") and tensor.is_floating_point():
            tensor.normal_()


def step_of(model: Any, batch: dict[str, Any], workload: Workload, device: str) -> Callable[[], None]:
    """What the workload repeats: a forward pass, or an optimiser step. ``device``: ``cpu`` or ``cuda``."""
    return (training if workload.mode == "train" else inference)(model, batch, workload, device)


def inference(model: Any, batch: dict[str, Any], workload: Workload, device: str) -> Callable[[], None]:
    """One forward pass; its output is dropped after it."""
    import torch

    def step() -> None:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=workload.is_autocast):
            model(**batch)

    return step


def training(model: Any, batch: dict[str, Any], workload: Workload, device: str) -> Callable[[], None]:
    """One optimiser step, as a plain loop makes it."""
    import torch

    from fitwright.sizing.tracing.inputs import loss_of

    if "use_cache" in vars(model.config):
        batch["use_cache"] = False
    kind = torch.optim.SGD if workload.optimiser == "sgd" else torch.optim.AdamW
    optimiser = kind(model.parameters(), lr=LEARNING_RATE)

    def step() -> None:
        for _ in range(workload.accumulation):
            with torch.autocast(device, torch.bfloat16, enabled=workload.is_autocast):
                output = model(**batch)
                loss = loss_of(output) / workload.accumulation
            loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def status_bytes(field: str) -> int:
    """A field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status has no {field}: this benchmark needs Linux")


def main() -> None:
    """The point as JSON in, its bytes as JSON out."""
    asked = json.loads(sys.argv[1])
    print(json.dumps(measure(asked["id"], Workload(**asked["workload"]))))


if __name__ == "__main__":
    main()
