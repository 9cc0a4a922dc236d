"""FLOPs of a forward pass and of a training step: four counters beside formulas and papers.

    python benchmarks/sizing/flops.py > flops.json

Fitwright, calflops and torch's own counter, with one row of 128 tokens, or one image, on the meta device;
attention is fused unless it says eager. The reference is written out below from the papers' shapes: products
alone, one multiply-add as 2 FLOPs. Table on stderr, JSON on stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from fitwright.catalog import store
from fitwright.core.provenance import capture
from fitwright.sizing.interface import estimate
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload

TOKENS = 128
GIGA = 1e9
BACKWARD_FACTOR = 3


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Equal Transformer layers as their paper describes them.

    Attributes:
        keys: width of all key (and of all value) heads; gated: three feed-forward matrices instead of two;
        cross: each layer attends to a second input of as many tokens.
    """

    layers: int
    width: int
    feed: int
    queries: int | None = None
    keys: int | None = None
    gated: bool = False
    cross: bool = False

    def flops(self, tokens: int) -> int:
        """2 × weights × tokens, and 4 × tokens² × width for scores and their use (arXiv:2001.08361)."""
        queries = self.queries or self.width
        keys = self.keys or queries
        attention = 2 * tokens * self.width * (2 * queries + 2 * keys) + 4 * tokens**2 * queries
        matrices = 3 if self.gated else 2
        return self.layers * ((1 + self.cross) * attention + 2 * tokens * matrices * self.width * self.feed)


BASE = Stack(layers=12, width=768, feed=3072)


def _head(width: int, vocabulary: int, *, dense: bool = False) -> int:
    """The vocabulary's matrix, and BERT's dense layer before it."""
    return 2 * TOKENS * width * (vocabulary + (width if dense else 0))


def _vit(stack: Stack, patch: int, classes: int) -> int:
    patches = (224 // patch) ** 2
    return 2 * patches * 3 * patch**2 * stack.width + stack.flops(patches + 1) + 2 * stack.width * classes


REFERENCES: dict[str, tuple[float, str]] = {
    "google-bert/bert-base-uncased": (BASE.flops(TOKENS) + _head(768, 30522, dense=True), "arXiv:1810.04805"),
    "distilbert/distilbert-base-uncased": (
        Stack(layers=6, width=768, feed=3072).flops(TOKENS) + _head(768, 30522, dense=True),
        "arXiv:1910.01108",
    ),
    "nreimers/MiniLM-L6-H384-uncased": (
        Stack(layers=6, width=384, feed=1536).flops(TOKENS) + 2 * 384**2,
        "arXiv:2002.10957; the pooler reads one token",
    ),
    "openai-community/gpt2": (BASE.flops(TOKENS) + _head(768, 50257), "GPT-2 report, table 2"),
    "EleutherAI/pythia-160m": (BASE.flops(TOKENS) + _head(768, 50304), "arXiv:2304.01373, table 1"),
    "HuggingFaceTB/SmolLM2-135M": (
        Stack(layers=30, width=576, feed=1536, keys=192, gated=True).flops(TOKENS) + _head(576, 49152),
        "arXiv:2502.02737",
    ),
    "Qwen/Qwen2.5-0.5B": (
        Stack(layers=24, width=896, feed=4864, keys=128, gated=True).flops(TOKENS) + _head(896, 151936),
        "arXiv:2412.15115",
    ),
    "google-t5/t5-small": (
        Stack(layers=6, width=512, feed=2048).flops(TOKENS)
        + Stack(layers=6, width=512, feed=2048, cross=True).flops(TOKENS) + _head(512, 32128),
        "arXiv:1910.10683",
    ),
    "facebook/bart-base": (
        Stack(layers=6, width=768, feed=3072).flops(TOKENS)
        + Stack(layers=6, width=768, feed=3072, cross=True).flops(TOKENS) + _head(768, 50265),
        "arXiv:1910.13461",
    ),
    "google/vit-base-patch16-224": (_vit(BASE, 16, 1000), "arXiv:2010.11929, table 1"),
    "facebook/deit-small-patch16-224": (
        _vit(Stack(layers=12, width=384, feed=1536), 16, 1000), "arXiv:2012.12877, table 1"
    ),
    "microsoft/swin-small-patch4-window7-224": (2 * 8.7e9, "arXiv:2103.14030, table 1; one decimal"),
    "microsoft/resnet-18": (2 * 1.8e9, "arXiv:1512.03385, table 1; one decimal"),
    "microsoft/resnet-101": (2 * 7.6e9, "arXiv:1512.03385, table 1; one decimal, another stride"),
    "facebook/convnext-tiny-224": (2 * 4.5e9, "arXiv:2201.03545, table 1; one decimal"),
    "google/mobilenet_v2_1.0_224": (2 * 300e6, "arXiv:1801.04381, table 4"),
    "google/efficientnet-b0": (2 * 0.39e9, "arXiv:1905.11946, table 2"),
}  # fmt: skip


def main() -> None:
    """Count each model each way and print JSON."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FITWRIGHT_HOME"] = folder
        rows = [row_of(model_id, reference, source) for model_id, (reference, source) in REFERENCES.items()]
    environment = capture("flops.py").as_json()
    answer = {"environment": environment, "summary": summary(rows), "models": rows}
    show(answer)
    print(json.dumps(answer, indent=1))


def row_of(model_id: str, reference: float, source: str) -> dict[str, Any]:
    """Each counter's forward FLOPs and training FLOPs, or why it has none."""
    found: dict[str, Any] = {}
    for name, count in COUNTERS.items():
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                forward, training = count(model_id)
            found[name] = {"forward": forward, "training_step": training}
        except ImportError as error:
            found[name] = f"absent: {error}"
        except Exception as error:  # the tools' own failures are results here
            found[name] = f"failed: {type(error).__name__}: {str(error).strip()[:160]}"
    told = {"forward": reference, "training_step": BACKWARD_FACTOR * reference, "source": source}
    return {"model": model_id, "reference": told, "counters": found}


def fitwright(model_id: str) -> tuple[float, float]:
    """The public estimate."""
    record = estimate(store.load(model_id), Workload(seq=TOKENS), Device(name="any CPU", kind="cpu"))
    return record["flops"].value, record["flops-training-step"].value


def torch_counter(model_id: str, attention: str = "fused") -> tuple[float, float]:
    """``torch.utils.flop_counter.FlopCounterMode`` around the model's own step."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from fitwright.sizing.tracing.inputs import loss_of

    model, batch = _meta(model_id, attention)
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(**batch)
    with FlopCounterMode(display=False) as step:
        loss_of(model.train()(**batch)).backward()
    return forward.get_total_flops(), step.get_total_flops()


def calflops(model_id: str) -> tuple[float, float]:
    """``calflops.calculate_flops``; its training step is the forward pass times 1 + 2."""
    from calflops import calculate_flops

    counts = []
    for with_backward in (False, True):
        model, batch = _meta(model_id, "fused")
        flops, _, _ = calculate_flops(
            model=model, kwargs=batch, print_results=False, output_as_string=False,
            include_backPropagation=with_backward,
        )  # fmt: skip
        counts.append(float(flops))
    return counts[0], counts[1]


COUNTERS: dict[str, Callable[[str], tuple[float, float]]] = {
    "fitwright": fitwright,
    "calflops": calflops,
    "torch counter": torch_counter,
    "torch counter, eager attention": lambda model_id: torch_counter(model_id, "eager"),
}


def _meta(model_id: str, attention: str) -> tuple[Any, dict[str, Any]]:
    from fitwright.sizing.tracing import model as models
    from fitwright.sizing.tracing.inputs import batch_for

    spec = store.load(model_id)
    config = models.config_of({**spec.facts["config"], "model_type": spec.model_type}, spec.id)
    model = models.build(config, models.class_of(config, spec.facts["built_class"]), attention).eval()
    return model, batch_for(model, 1, TOKENS, train=False)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Each counter's errors against the reference, in percent: count, median and worst of their sizes."""
    found = {}
    for name in COUNTERS:
        for what in ("forward", "training_step"):
            sizes = sorted(
                abs(100 * (row["counters"][name][what] / row["reference"][what] - 1))
                for row in rows
                if isinstance(row["counters"][name], dict)
            )
            found[f"{name}, {what}"] = {
                "models": len(sizes), "median_pct": median(sizes) if sizes else None,
                "p90_pct": sizes[math.ceil(0.9 * len(sizes)) - 1] if sizes else None,
                "worst_pct": sizes[-1] if sizes else None,
            }  # fmt: skip
    return found


def show(answer: dict[str, Any]) -> None:
    """The table, to stderr."""
    say(f"{'forward pass, GFLOP':42s} {'reference':>9s} " + " ".join(f"{name:>22s}" for name in COUNTERS))
    for row in answer["models"]:
        reference = row["reference"]["forward"]
        cells = []
        for name in COUNTERS:
            one = row["counters"][name]
            said = one["forward"] if isinstance(one, dict) else None
            off = None if said is None else 100 * (said / reference - 1)
            cells.append(f"{'-':>22s}" if said is None else f"{said / GIGA:12.3f} {off:+8.1f}%")
        say(f"{row['model']:42s} {reference / GIGA:9.3f} " + " ".join(cells))
    say(f"{'':45s} models     median      worst")
    for name, one in answer["summary"].items():
        if one["models"]:
            say(f"{name:45s} {one['models']:6d} {one['median_pct']:8.1f} % {one['worst_pct']:8.1f} %")


def say(text: str) -> None:
    """One line to stderr."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
