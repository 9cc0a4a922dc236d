"""From a config and the conditions of a step to its trace."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.sizing.trace.conditions import Conditions, window_of
from fitwright.sizing.trace.expand import check
from fitwright.sizing.trace.polynomial import NotAPolynomial, Point
from fitwright.sizing.trace.program import Trace

BATCHES = (3, 8)
SEQUENCES = (32, 64)
"""Of the two points: below the shortest maximum (77); whole blocks of 32, to which CUDA's fused attention
pads."""

BLOCK = 512
"""Models that pad to blocks (Longformer, BigBird) are traced at whole blocks."""

BLOCK_OF_32 = 32

BLOCKED = ("longformer", "big_bird", "bigbird_pegasus", "led")


def trace(
    values: Mapping[str, Any], conditions: Conditions, *,
    architecture: str | None = None, source: str = "config",
    point: Point | None = None, whole: bool = False, longest: int | None = None, untied: bool = False,
    lora: Any = None,
) -> Trace:  # fmt: skip
    """One step of the model that ``values`` (a ``config.json``'s content) describes.

    Args:
        architecture: class to build; the config's own unless given.
        source: named in errors.
        point: the (batch, seq) asked for, used where sizes are no polynomials in them.
        whole: trace every layer instead of one of each run of equal layers.
        longest: the longest sequence the model takes.
        untied: the checkpoint keeps the output matrix apart though the library ties it (T5 v1.1 and its kin).
        lora: :class:`fitwright.sizing.tracing.lora.LoRA`: train adapters alone.

    Returns:
        A trace for every batch and sequence, or (``Trace.point`` set) for ``point`` alone.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        UsageError: the config or the class cannot be used, or the step needs data and cannot be traced.
    """
    require("torch")
    require("transformers")
    from fitwright.sizing.tracing import model as models

    with _quiet():
        config = models.config_of(values, source)
        config._fitwright_untied = untied
        model_class = models.class_of(config, architecture)
        points = _points(values, conditions, longest)
        for every_layer in (True,) if whole else (False, True):
            try:
                found = _traced(config, model_class, conditions, points, every_layer, lora)
                check(found)
                return found
            except NotAPolynomial:
                continue
        point = point or points[0]
        try:
            return _traced(config, model_class, conditions, (point, point), True, lora)
        except NotAPolynomial as error:
            raise UsageError(f"this model's step cannot be traced ({error})", got=source) from error


def _traced(
    config: Any, model_class: Any, conditions: Conditions, points: tuple[Point, Point], whole: bool, lora: Any
) -> Trace:
    import torch

    from fitwright.sizing.tracing import join
    from fitwright.sizing.tracing.model import prepare
    from fitwright.sizing.tracing.step import record_step

    dtype = torch.bfloat16 if conditions.precision == "low" else torch.float32
    built = prepare(config, model_class, conditions.attention, dtype=dtype, whole=whole)
    trained = None if lora is None else _adapted(built, lora)
    parts: dict[str, Any] = {
        "parameters": built.parameters, "buffer_bytes": built.buffer_bytes, "trained": trained,
        "conditions": {**{k: str(v) for k, v in asdict(conditions).items()}, "class": model_class.__name__},
    }  # fmt: skip
    recordings = []
    for batch, seq in dict.fromkeys(points):
        try:
            recordings.append(
                record_step(
                    built.model, built.stacks, mode=conditions.mode, batch=batch, seq=seq,
                    device_kind=conditions.device,
                    autocast=torch.bfloat16 if conditions.precision == "autocast" else None,
                    checkpointing=conditions.checkpointing,
                )
            )  # fmt: skip
        except UsageError:
            raise
        except Exception as error:  # models fail in many ways where a step needs data
            reason = str(error).strip().splitlines()[:1]
            raise UsageError(
                f"{model_class.__name__} cannot be traced without data "
                f"({type(error).__name__}: {''.join(reason)[:200]})",
                got=f"batch {batch}, sequence {seq}",
            ) from error
    if len(recordings) == 1:
        return join.at_one_point(recordings[0], points[0], extra=built.extra, parts=parts)
    return join.join(recordings[0], recordings[1], points, extra=built.extra, parts=parts)


def _adapted(built: Any, lora: Any) -> tuple[tuple[tuple[int, ...], int], ...]:
    """(shape, count) of the whole model's adapters: those of a shortened stack count for its copies too."""
    found: dict[tuple[int, ...], int] = dict(lora.add(built.model))
    for stack, extra in zip(built.stacks, built.extra, strict=True):
        for parameter in stack[2].parameters() if extra else ():
            if parameter.requires_grad:
                found[tuple(parameter.shape)] += extra
    return tuple(sorted(found.items()))


def _points(values: Mapping[str, Any], conditions: Conditions, longest: int | None) -> tuple[Point, Point]:
    first, second = SEQUENCES
    if values.get("model_type") in BLOCKED:
        first, second = 2 * BLOCK, 3 * BLOCK
    elif conditions.window == "long":
        window = BLOCK_OF_32 * -(-(window_of(values) or 0) // BLOCK_OF_32)
        first, second = window + first, window + second
    elif (window_of(values) or second + 1) <= second:
        first, second = first // 2, first
    elif longest is not None and longest < second:
        first, second = max(1, longest - 6), longest - 1
    return (BATCHES[0], first), (BATCHES[1], second)


@contextmanager
def _quiet() -> Iterator[None]:
    """transformers' log and warnings are about running models, not about tracing them.

    What ``torch.jit.script`` compiled (parts of DeBERTa) changes its course at the second call: not in here.
    """
    import torch
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings(), torch.jit.optimized_execution(False):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
