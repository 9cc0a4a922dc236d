"""One step of a model without memory, recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from fitwright.core.errors import UsageError
from fitwright.sizing.tracing.device import DeviceBehaviour
from fitwright.sizing.tracing.inputs import batch_for, loss_of
from fitwright.sizing.tracing.recorder import Recorder, Recording

Mode = Literal["infer", "train"]


def _nothing(*_: Any, **__: Any) -> None:
    return None


_MAKES_CPU_TENSORS = ("xlnet",)
"""Types whose forward pass makes tensors on the default device."""


def record_step(
    model: Any, stacks: tuple[Any, ...], *, mode: Mode, batch: int, seq: int, device_kind: str,
    autocast: torch.dtype | None, checkpointing: bool = False,
) -> Recording:  # fmt: skip
    """Forward pass, and for training backward pass, of ``batch`` rows of ``seq`` tokens; no optimiser step.

    Raises:
        UsageError: the class has no activation checkpointing.
    """
    train = mode == "train"
    model.train(train)
    for module in model.modules():
        if hasattr(module, "warn_if_padding_and_no_attention_mask"):  # it looks for padding in the data
            module.warn_if_padding_and_no_attention_mask = _nothing
    arguments = batch_for(model, batch, seq, train=train)
    if train and "use_cache" in vars(model.config):
        arguments["use_cache"] = False
    held = [*model.parameters(), *model.buffers(), *(a for a in arguments.values() if isinstance(a, Tensor))]
    vocabulary = getattr(model.config, "vocab_size", None)
    recorder = Recorder(held, vocabulary)
    where = torch.device("meta") if model.config.model_type in _MAKES_CPU_TENSORS else nullcontext()

    def behave() -> DeviceBehaviour:
        return DeviceBehaviour(device_kind, autocast, lambda copy: recorder.tag([copy], "casts"))

    if checkpointing:
        _checkpoint(model, behave)
    behaviour = behave()
    handles = _watch(model, stacks, recorder)
    try:
        with recorder, where:
            _run(model, arguments, recorder, behaviour, train)
    finally:
        recorder.stop()
        for handle in handles:
            handle.remove()
        for parameter in model.parameters():
            parameter.grad = None
    return recorder.recording


def _run(
    model: Any, arguments: dict[str, Any], recorder: Recorder, behaviour: DeviceBehaviour, train: bool
) -> None:
    recording = recorder.recording
    if not train:
        with torch.no_grad(), behaviour:
            output = model(**arguments)
        recorder.tag([t for t in tree_leaves(_cache(output)) if isinstance(t, Tensor)], "kv_cache")
        recording.forward_end = len(recording.events)
        recorder.stop()
        return
    with behaviour:
        output = model(**arguments)
        loss = loss_of(output)
    recording.forward_end = len(recording.events)
    loss.backward()  # as in a training loop: the output lives until the step is over
    recorder.tag([p.grad for p in model.parameters() if p.grad is not None], "gradients")
    recorder.stop()
    del output, loss


def _cache(output: Any) -> Any:
    """The tensors of the key-value cache, whatever its class."""
    cache = getattr(output, "past_key_values", None)
    parts = [getattr(cache, name, None) for name in ("self_attention_cache", "cross_attention_cache")]
    found: list[Any] = []
    for part in (cache, *parts):
        for layer in getattr(part, "layers", None) or ():
            found += [getattr(layer, "keys", None), getattr(layer, "values", None)]
    return found


def _watch(model: Any, stacks: tuple[Any, ...], recorder: Recorder) -> list[Any]:
    """Hooks: each layer's beginning forward and backward, and every module call."""
    handles: list[Any] = []

    def count(*_: Any) -> None:
        recorder.recording.modules += recorder.active

    for module in model.modules():
        handles.append(module.register_forward_pre_hook(count))
    for number, stack in enumerate(stacks):
        for index, layer in enumerate(stack):
            handles.append(layer.register_forward_pre_hook(_beginning(recorder, number, index)))
            handles.append(layer.register_forward_hook(_ending(recorder, number, index)))
    return handles


def _beginning(recorder: Recorder, stack: int, layer: int) -> Any:
    return lambda *_: recorder.mark("forward", stack, layer)


def _ending(recorder: Recorder, stack: int, layer: int) -> Any:
    def hook(_module: Any, _args: Any, output: Any) -> None:
        if recorder.recording.forward_end:  # checkpointing computes the layer anew
            return
        first = output[0] if isinstance(output, (tuple, list)) else output
        if isinstance(first, Tensor) and first.requires_grad:
            first.register_hook(lambda _: recorder.mark("backward", stack, layer))

    return hook


def _checkpoint(model: Any, behave: Callable[[], DeviceBehaviour]) -> None:
    """Layers compute their forward pass again in the backward pass, each in an autocast region of its own."""
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise UsageError(
            "this class has no activation checkpointing", got=type(model).__name__,
            mend="Leave --checkpointing out.",
        )  # fmt: skip
    model.gradient_checkpointing_enable(
        {"use_reentrant": False, "context_fn": lambda: (nullcontext(), behave())}
    )
