"""Allocated, reserved and process memory and latency on an NVIDIA card against the estimate.

    python benchmarks/sizing/gpu.py > gpu.json

Written for a machine with a card and a CUDA build of torch. It has never run on one: no card was at hand.
Each point has a fresh process; progress goes to stderr, JSON to stdout. Process memory is what ``nvidia-smi``
tells of the process; it is null where the driver does not see process numbers, as inside most containers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from statistics import median
from typing import Any

from fitwright.catalog import store
from fitwright.core.provenance import capture
from fitwright.sizing import devices
from fitwright.sizing.interface import estimate
from fitwright.spec.workload import Workload

MODELS = {
    "google-bert/bert-base-uncased": (32, 128), "google-bert/bert-large-uncased": (16, 256),
    "openai-community/gpt2-medium": (8, 512), "HuggingFaceTB/SmolLM2-360M": (8, 512),
    "google-t5/t5-base": (16, 256), "google/vit-base-patch16-224": (32, 1),
    "openai/clip-vit-base-patch32": (64, 32), "facebook/convnext-tiny-224": (32, 1),
}  # fmt: skip
"""Model → batch and sequence."""

WARM_UP, STEPS = 3, 20
QUANTITIES = ("memory-allocated", "memory-reserved", "memory-process", "latency")
LIMIT_S = 900


def main() -> None:
    """Measure every point, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda:0", help="which card: cuda:N")
    parser.add_argument("--point", help="used by the script itself: the point that this process measures")
    arguments = parser.parse_args()
    need_cuda()
    if arguments.point:
        asked = json.loads(arguments.point)
        print(json.dumps(measure(asked["id"], Workload(**asked["workload"]), arguments.device)))
        return
    rows = [row_of(*point, arguments.device) for point in points()]
    print(json.dumps({"environment": capture("gpu.py").as_json(), "points": rows}, indent=1))


def need_cuda() -> None:
    """End with a message where there is no card to measure."""
    try:
        import torch
    except ImportError:
        sys.exit("error: torch is not installed: install a CUDA build of it")
    if not torch.cuda.is_available():
        sys.exit(
            f"error: torch {torch.__version__} sees no CUDA card: run this on a machine with an "
            "NVIDIA card, its driver and a CUDA build of torch. For processors there is memory.py beside this"
        )


def points() -> list[tuple[str, Workload]]:
    """Each model, forward pass and training step, in fp32 and bf16."""
    return [
        (model_id, Workload(mode=mode, batch=batch, seq=seq, precision=precision))  # type: ignore[arg-type]
        for model_id, (batch, seq) in MODELS.items()
        for mode in ("infer", "train")
        for precision in ("fp32", "bf16")
    ]


def row_of(model_id: str, workload: Workload, device: str) -> dict[str, Any]:
    """One point measured in a fresh process, beside the estimate."""
    asked = json.dumps({"id": model_id, "workload": asdict(workload)})
    command = [sys.executable, __file__, "--device", device, "--point", asked]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    row: dict[str, Any] = {"model": model_id, "workload": asdict(workload)}
    if ended.returncode:
        return {**row, "failed": ended.stderr.strip()[-500:]}
    measured = json.loads(ended.stdout)
    record = estimate(store.load(model_id), workload, devices.find(device))
    errors, predicted = {}, {}
    for name in QUANTITIES:
        quantity = record.get(name)
        predicted[name] = None if quantity is None else quantity.as_json()
        if quantity is not None and measured[name] is not None:
            errors[name] = 100 * (quantity.value / measured[name] - 1)
    shown = ", ".join(f"{name} {error:+.1f} %" for name, error in errors.items())
    print(f"{model_id} {workload.mode} {workload.precision}: {shown}", file=sys.stderr, flush=True)
    return {**row, "measured": measured, "predicted": predicted, "error_pct": errors}


def measure(model_id: str, workload: Workload, device: str) -> dict[str, Any]:
    """Bytes and seconds of the point on the card, in this process."""
    import torch
    import transformers
    from memory_point import build, fill, step_of

    from fitwright.sizing.tracing import model as models
    from fitwright.sizing.tracing.inputs import batch_for

    torch.cuda.set_device(device)
    spec = store.load(model_id)
    config = models.config_of({**spec.facts["config"], "model_type": spec.model_type}, spec.id)
    model = build(getattr(transformers, spec.facts["built_class"]), config, workload).to(device)
    train = workload.mode == "train"
    batch = batch_for(model, workload.micro_batch, workload.seq, train=train, device=device)
    fill(batch)
    step = step_of(model, batch, workload, "cuda")
    seconds = []
    for _ in range(WARM_UP + STEPS):
        torch.cuda.synchronize()
        started = time.perf_counter()
        step()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return {
        "memory-allocated": torch.cuda.max_memory_allocated(),
        "memory-reserved": torch.cuda.max_memory_reserved(),
        "memory-process": process_bytes(), "latency": median(seconds[WARM_UP:]), "seconds": seconds,
    }  # fmt: skip


def process_bytes() -> int | None:
    """What the driver says that this process holds on its cards; ``None`` where it does not say."""
    command = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = 0
    for line in said.splitlines():
        process, _, mebibytes = line.partition(",")
        if process.strip() == str(os.getpid()) and mebibytes.strip().isdigit():
            found += int(mebibytes) * 2**20
    return found or None


if __name__ == "__main__":
    main()
