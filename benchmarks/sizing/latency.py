"""Latency: what the estimate says on a profiled machine beside what real models take, in interleaved rounds.

    fitwright profile && python benchmarks/sizing/latency.py --rounds 7 --output result.json

None of the models was used for profiling. Every round visits every point once, in an order of its own, so
that whatever else the machine does meets all points alike; a point's value is the median over rounds. The
repeat error is how far the medians of even and odd rounds lie apart: no estimate can be told better. Peers
that answer for a CPU: none; beside the estimate stand the data sheet's roofline and one fitted scalar
(seconds per FLOP, left one model out).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwright.catalog import store
from fitwright.core.provenance import capture
from fitwright.sizing import devices
from fitwright.sizing.interface import estimate
from fitwright.sizing.latency.step import profile_of
from fitwright.sizing.ledger import intervals
from fitwright.spec.workload import Workload

UNSEEN: dict[str, tuple[tuple[int, int], ...]] = {
    "facebook/opt-125m": ((1, 48), (2, 128)),
    "EleutherAI/pythia-160m": ((1, 64),),
    "sentence-transformers/all-mpnet-base-v2": ((1, 96), (4, 32)),
    "facebook/bart-base": ((1, 64),),
    "albert/albert-base-v2": ((1, 160),),
    "facebook/deit-small-patch16-224": ((1, 1),),
}
"""Added after the last change of how models are priced: nobody looked at these while choosing anything."""
TORCH = {
    "nreimers/MiniLM-L6-H384-uncased": ((1, 16), (1, 128), (8, 64)),
    "google-bert/bert-base-uncased": ((1, 32), (1, 256), (4, 64)),
    "distilbert/distilbert-base-uncased": ((1, 64), (2, 128)),
    "google/electra-small-discriminator": ((1, 128), (8, 128)),
    "FacebookAI/roberta-base": ((1, 64), (4, 128)),
    "openai-community/gpt2": ((1, 32), (1, 128)),
    "HuggingFaceTB/SmolLM2-135M": ((1, 32), (2, 64)),
    "google-t5/t5-small": ((1, 32), (4, 64)),
    "google/vit-base-patch16-224": ((1, 1),),
    "microsoft/deberta-v3-small": ((1, 64), (4, 64)),
    **UNSEEN,
}
PRECISIONS = ("fp32", "bf16")
ONNX_SHAPES = {
    "encoder-6x384": (12, 32, 1536, 6),
    "encoder-12x768": (12, 64, 3072, 12),
    "encoder-4x512": (8, 64, 2048, 4),
}
ONNX_POINTS = ((1, 16), (1, 64), (1, 256), (8, 64))


def torch_points() -> dict[str, tuple[Callable[[], object], dict[str, Any]]]:
    """Calls of real models with random weights, and what the estimate says of them."""
    import torch
    import transformers
    from transformers.utils import logging

    from fitwright.sizing.tracing.inputs import batch_for
    from fitwright.sizing.tracing.model import config_of

    logging.set_verbosity_error()
    device = devices.detect()
    found = {}
    for model_id, shapes in TORCH.items():
        spec = store.load(model_id)
        for precision in PRECISIONS:
            if precision == "bf16":  # slow where the processor has no units for it: one point a model
                shapes = shapes[:1]
            torch.manual_seed(0)
            config = config_of({**spec.facts["config"], "model_type": spec.model_type}, model_id)
            model = getattr(transformers, spec.facts["built_class"])(config).eval()
            model = model.to(torch.bfloat16) if precision == "bf16" else model
            for batch, seq in shapes:
                arguments = batch_for(model, batch, seq, train=False, device="cpu")
                for name in ("input_ids", "decoder_input_ids"):
                    if name in arguments:
                        arguments[name] = torch.randint(5, 1000, arguments[name].shape)
                workload = Workload(batch=batch, seq=seq, precision=precision)
                with intervals.off():
                    record = estimate(spec, workload, device)
                    roofline = roofline_s(spec, workload, device)
                found[f"torch {precision} {model_id} {batch}x{seq}"] = (
                    caller(model, arguments),
                    {
                        "engine": "torch",
                        "model": model_id,
                        "precision": precision,
                        "batch": batch,
                        "seq": seq,
                        "flops": record.value("flops"),
                        "estimated_s": record["latency"].value,
                        "low_s": record["latency"].low,
                        "high_s": record["latency"].high,
                        "roofline_s": roofline,
                    },
                )
    return found


def roofline_s(spec: Any, workload: Workload, device: Any) -> float | None:
    """The data sheet's answer for the same traced operators."""
    from fitwright.sizing.latency import roofline
    from fitwright.sizing.trace.obtain import conditions_of, obtain

    trace = obtain(spec, conditions_of(spec, workload, device), point=(workload.batch, workload.seq)).trace
    if trace is None:
        return None
    found = roofline.price(trace.ops_at(workload.batch, workload.seq), device, workload.precision)
    return None if found is None else found.value


def caller(model: Any, arguments: dict[str, Any]) -> Callable[[], object]:
    import torch

    def call() -> object:
        with torch.inference_mode():
            return model(**arguments)

    return call


def onnx_points() -> dict[str, tuple[Callable[[], object], dict[str, Any]]]:
    """Encoders with random weights as ONNX graphs, fp32 and dynamic int8."""
    from fitwright.sizing.pricing.price import price_step
    from fitwright.sizing.profiling.onnx_encoder import encoder_calls, encoder_ops
    from fitwright.sizing.trace.work import flops

    profile = profile_of(devices.detect())
    found = {}
    for name, shape in ONNX_SHAPES.items():
        for precision in ("fp32", "int8"):
            if profile is None or precision not in profile.precisions("onnxruntime"):
                continue
            for (batch, seq), call in encoder_calls(
                shape, precision, ONNX_POINTS, profile.device["threads"]
            ).items():
                ops = encoder_ops(shape, batch, seq)
                price = price_step(ops, 0, profile, "onnxruntime", precision)
                found[f"onnxruntime {precision} {name} {batch}x{seq}"] = (
                    call,
                    {
                        "engine": "onnxruntime",
                        "model": name,
                        "precision": precision,
                        "batch": batch,
                        "seq": seq,
                        "flops": flops(ops),
                        "estimated_s": price.seconds,
                        "low_s": price.low,
                        "high_s": price.high,
                        "roofline_s": None,
                    },
                )
    return found


def visit(call: Callable[[], object], least_s: float = 0.15) -> float:
    """Median seconds of a few calls, one where it is long, after one that is not counted."""
    call()
    samples: list[float] = []
    while sum(samples) < least_s:
        started = time.perf_counter()
        call()
        samples.append(time.perf_counter() - started)
    return statistics.median(samples)


def scalar_s(points: list[dict[str, Any]], point: dict[str, Any]) -> float | None:
    """One scalar for engine and precision, seconds per FLOP, from the other models' points."""
    ratios = [
        other["measured_s"] / other["flops"]
        for other in points
        if other["model"] != point["model"]
        and all(other[key] == point[key] for key in ("engine", "precision"))
    ]
    return statistics.median(ratios) * point["flops"] if ratios and point["flops"] else None


def errors(points: list[dict[str, Any]], name: str) -> dict[str, float]:
    found = sorted(abs(p[name] / p["measured_s"] - 1) for p in points if p.get(name))
    if not found:
        return {}
    return {
        "n": len(found),
        "median": statistics.median(found),
        "p90": found[int(0.9 * (len(found) - 1))],
        "worst": found[-1],
    }


def timed(
    subjects: dict[str, tuple[Callable[[], object], dict[str, Any]]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each point in each round."""
    samples: dict[str, list[float]] = {name: [] for name in subjects}
    order = list(subjects)
    for number in range(rounds):
        random.Random(number).shuffle(order)  # noqa: S311  # an order, not a secret
        for name in order:
            samples[name].append(visit(subjects[name][0]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return samples


def former(path: Path) -> dict[str, list[float]]:
    """The same from a result of this script."""
    points = json.loads(path.read_text(encoding="utf-8"))["points"]
    return {point["name"]: point["samples_s"] for point in points}


def main() -> None:
    """Measure, compare, print the table on stderr and JSON on stdout or into --output."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--engines", default="torch,onnxruntime")
    parser.add_argument(
        "--measured",
        type=Path,
        help="time nothing: hold the profile against what this former result measured",
    )
    options = parser.parse_args()
    profile = profile_of(devices.detect())
    if profile is None:
        raise SystemExit("this machine has no profile: run 'fitwright profile' first")
    subjects: dict[str, tuple[Callable[[], object], dict[str, Any]]] = {}
    if "torch" in options.engines:
        subjects |= torch_points()
    if "onnxruntime" in options.engines:
        subjects |= onnx_points()
    samples = former(options.measured) if options.measured else timed(subjects, options.rounds)
    subjects = {name: subject for name, subject in subjects.items() if name in samples}
    points = []
    for name, (_, facts) in subjects.items():
        times = samples[name]
        halves = [statistics.median(times[start::2]) for start in (0, 1)]
        points.append(
            {
                "name": name,
                **facts,
                "measured_s": statistics.median(times),
                "samples_s": times,
                "repeat_error": abs(halves[0] / halves[1] - 1),
            }
        )
    for point in points:
        point["scalar_s"] = scalar_s(points, point)
        print(
            f"{point['name']:<60} {1e3 * point['measured_s']:9.2f} ms, estimated "
            f"{1e3 * point['estimated_s']:9.2f} "
            f"({point['estimated_s'] / point['measured_s'] - 1:+.0%})  repeat {point['repeat_error']:.1%}",
            file=sys.stderr,
        )
    summary = {
        "estimate": errors(points, "estimated_s"),
        "data-sheet roofline": errors(points, "roofline_s"),
        "one scalar": errors(points, "scalar_s"),
        "repeat": {
            "median": statistics.median(p["repeat_error"] for p in points),
            "worst": max(p["repeat_error"] for p in points),
        },
        "in interval": sum(p["low_s"] <= p["measured_s"] <= p["high_s"] for p in points) / len(points),
    }
    summary["unseen models"] = errors([p for p in points if p["model"] in UNSEEN], "estimated_s")
    for engine in ("torch", "onnxruntime"):
        for precision in ("fp32", "bf16", "int8"):
            chosen = [p for p in points if p["engine"] == engine and p["precision"] == precision]
            if chosen:
                summary[f"{engine} {precision}"] = errors(chosen, "estimated_s")
    print(json.dumps(summary, indent=1), file=sys.stderr)
    answer = {
        "summary": summary,
        "points": points,
        "profile": {"made_at": profile.made_at, "repeat_error": profile.repeat_error},
        "environment": capture("latency.py").as_json(),
    }
    text = json.dumps(answer, indent=1)
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
