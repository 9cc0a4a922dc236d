"""Whole small models, timed and traced: what Python costs beside the operators, and how operators fare in a
model.

Operators alone, timed one by one, leave out the calls of modules between them, and find the caches and the
memory allocator in another state. Both effects are measured here on models too small, or of a shape too odd,
for anybody to use.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from fitwright.core.optional import require
from fitwright.sizing.pricing.page_faults import step_faulted_bytes
from fitwright.sizing.profiling.timing import Call
from fitwright.sizing.trace.conditions import Conditions
from fitwright.sizing.trace.program import Op

_TINY = {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 128, "vocab_size": 128}
_LLAMA = {"model_type": "llama", "num_key_value_heads": 2}
TINY: tuple[Mapping[str, Any], ...] = (
    {"model_type": "bert", "num_hidden_layers": 3, **_TINY}, {"model_type": "bert", "num_hidden_layers": 9,
    **_TINY}, {"num_hidden_layers": 3, **_LLAMA, **_TINY}, {"num_hidden_layers": 9, **_LLAMA, **_TINY},
)  # fmt: skip
"""So small that what is no operator shows; of two depths, so that a layer's share and a step's can be told
apart."""
_TINY_POINTS = ((1, 8),)

_ODD = {"vocab_size": 2000}
USUAL: Mapping[str, Mapping[str, Any]] = {
    "bert": {"model_type": "bert", "hidden_size": 448, "num_attention_heads": 7, "intermediate_size": 1792,
             "num_hidden_layers": 3, **_ODD},
    "llama": {"model_type": "llama", "hidden_size": 320, "num_attention_heads": 5, "num_key_value_heads": 5,
              "intermediate_size": 896, "num_hidden_layers": 3, **_ODD},
    "bert wide": {"model_type": "bert", "hidden_size": 896, "num_attention_heads": 14, "intermediate_size":
                  3584, "num_hidden_layers": 2, **_ODD},
    "gpt2": {"model_type": "gpt2", "n_embd": 448, "n_head": 7, "n_layer": 3, **_ODD},
}  # fmt: skip
"""Of shapes that nobody uses; from small to larger than most last-level caches."""
_POINTS: Mapping[tuple[str, str], Sequence[tuple[int, int]]] = {
    ("infer", "fp32"): ((1, 24), (2, 96), (1, 96), (8, 48)), ("train", "fp32"): ((1, 24), (2, 96)),
    ("infer", "bf16"): ((1, 24), (1, 96)), ("train", "bf16"): ((1, 24),),
}  # fmt: skip
"""(batch, tokens) by mode and precision; few in bf16, which is slow where the processor has no units for
it."""
_IN_BF16 = ("bert", "llama", "bert wide")


class Wanted(Protocol):
    """The part of the settings that says which models are run."""

    @property
    def training(self) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class ReferenceModel:
    """One model at one point.

    Attributes:
        engine: ``torch`` or ``onnxruntime``.
        size: ``tiny`` or ``usual``. family: the model type.
        mode: ``infer``, or ``train`` (forward and backward pass, no optimiser).
        precision: ``fp32``; ``bf16``: of the weights in inference, by autocast in training; ``int8``.
        ops, modules: of its trace. faulted_bytes: that the kernel maps anew in each step.
        prepare: as of :class:`fitwright.sizing.profiling.timing.Subject`.
    """

    engine: str = "torch"
    size: str
    family: str
    mode: str
    precision: str
    ops: list[Op]
    modules: int
    faulted_bytes: int | None = None
    prepare: Callable[[], tuple[Call, Call]]


def subjects(settings: Wanted) -> dict[str, ReferenceModel]:
    """Every reference model that the settings call for, by a name for the progress bar."""
    found: dict[str, ReferenceModel] = {}
    for mode in ("infer", "train") if settings.training else ("infer",):
        for values in TINY:
            found |= _at_points(values, _TINY_POINTS, size="tiny", mode=mode, precision="fp32")
        for precision in ("fp32", "bf16"):
            points = _POINTS[mode, precision]
            for name, values in USUAL.items():
                if precision == "fp32" or name in _IN_BF16:
                    found |= _at_points(values, points, size="usual", mode=mode, precision=precision)
    return found


def _at_points(
    values: Mapping[str, Any], points: Sequence[tuple[int, int]], *, size: str, mode: str, precision: str
) -> dict[str, ReferenceModel]:
    from fitwright.sizing.tracing.interface import trace

    conditions = Conditions(
        mode="train" if mode == "train" else "infer",
        precision="fp32" if precision == "fp32" else ("autocast" if mode == "train" else "low"),
    )
    with require("torch").enable_grad():
        traced = trace(values, conditions, source="reference model")
    family = str(values["model_type"])
    shape = "-".join(
        str(values[k]) for k in ("hidden_size", "n_embd", "num_hidden_layers", "n_layer") if k in values
    )
    steps = steps_of(values, points, mode=mode, precision=precision)
    return {
        f"model {family}-{shape} {mode} {precision} {batch}×{seq}": ReferenceModel(
            size=size, family=family, mode=mode, precision=precision, ops=traced.ops_at(batch, seq),
            modules=traced.modules, faulted_bytes=step_faulted_bytes(traced, batch, seq),
            prepare=partial(_after_itself, step),
        )
        for (batch, seq), step in steps.items()
    }  # fmt: skip


def steps_of(
    values: Mapping[str, Any], points: Sequence[tuple[int, int]], *, mode: str, precision: str
) -> dict[tuple[int, int], Call]:
    """Steps of a real model with random weights, as calls, by (batch, tokens).

    Args:
        values: the content of a ``config.json``.
        mode, precision: as of :class:`ReferenceModel`.
    """
    torch, transformers = require("torch"), require("transformers")
    from fitwright.sizing.tracing.inputs import batch_for, loss_of
    from fitwright.sizing.tracing.model import class_of, config_of

    transformers.logging.set_verbosity_error()
    config = config_of(values, "reference model")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = class_of(config, None)._from_config(config)
    train, low = mode == "train", precision != "fp32"
    model.train(train)
    if low and not train:
        model.to(torch.bfloat16)

    def infer(arguments: dict[str, Any]) -> object:
        with torch.inference_mode():
            return model(**arguments)

    def learn(arguments: dict[str, Any]) -> object:
        cast: AbstractContextManager[Any] = torch.autocast("cpu", torch.bfloat16, enabled=low)
        with torch.enable_grad():
            with cast:
                loss = loss_of(model(**arguments))
            torch.autograd.backward(loss)
            model.zero_grad(set_to_none=True)
        return None

    run = learn if train else infer
    batches = {point: batch_for(model, *point, train=train, device="cpu") for point in points}
    return {point: _call(run, arguments) for point, arguments in batches.items()}


def python_cost(
    measured: Sequence[tuple[ReferenceModel, float]], price_s: Callable[[ReferenceModel], float]
) -> tuple[float, float]:
    """Seconds of a module's call and of a step, that the prices of the operators leave over; never negative.

    Args:
        measured: tiny models with their measured seconds, each family in two depths.
        price_s: the price of a model's operators.
    """
    families: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for model, seconds in measured:
        families[model.family].append((model.modules, seconds - price_s(model)))
    modules, steps = [], []
    for points in families.values():
        (few, less), (many, more) = min(points), max(points)
        module_s = (more - less) / (many - few) if many > few else less / few
        module_s = min(max(0.0, module_s), max(0.0, more / many))
        modules.append(module_s)
        steps.append(max(0.0, less - few * module_s))
    return statistics.fmean(modules), statistics.fmean(steps)


def _call(run: Callable[[dict[str, Any]], object], arguments: dict[str, Any]) -> Call:
    return lambda: run(arguments)


def _after_itself(call: Call) -> tuple[Call, Call]:
    """Timed right after an untimed run, as a model that serves one request after another finds the caches."""
    return call, call
