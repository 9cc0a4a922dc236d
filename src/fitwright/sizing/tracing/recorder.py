"""Follows one step: each operator with its shapes, each tensor's memory from its coming to its going."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fitwright.sizing.tracing.classify import base_name, family_and_dims

Shape = tuple[int, ...]


_POINTWISE = frozenset(
    {"aten::add.Tensor", "aten::mul.Tensor", "aten::sub.Tensor", "aten::div.Tensor", "aten::mul.Scalar"}
)


def _pointwise(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    """The result of the plainest operators at once: the library works out their shapes in Python, slowly."""
    if kwargs or len(args) != 2 or func.name() not in _POINTWISE:
        return None
    left, right = args
    if (
        not isinstance(left, Tensor)
        or not left.is_meta
        or not left.is_floating_point()
        or not left.is_contiguous()
    ):
        return None
    if isinstance(right, Tensor):
        if (
            right.shape != left.shape
            or right.dtype != left.dtype
            or not right.is_contiguous()
            or not right.is_meta
        ):
            return None
    elif not isinstance(right, (int, float)):
        return None
    return torch.empty_like(left)


@dataclass(slots=True)
class RawOp:
    """An operator as it ran at one point. ``event``: events before it."""

    family: str
    name: str
    dims: Shape
    dtype: str
    read: tuple[tuple[Shape, int], ...]
    written: tuple[tuple[Shape, int], ...]
    event: int


@dataclass(slots=True)
class RawSlot:
    """A tensor's memory at one point: the shape it was made with, or ``None`` where that is not its size."""

    size_bytes: int
    shape: Shape | None
    item_bytes: int
    made_by: str
    tag: str = "activations"


@dataclass
class Recording:
    """What one step did at one batch and sequence."""

    slots: list[RawSlot] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    ops: list[RawOp] = field(default_factory=list)
    marks: dict[tuple[str, int, int], tuple[int, int]] = field(default_factory=dict)
    modules: int = 0
    module_marks: dict[tuple[str, int, int], int] = field(default_factory=dict)
    forward_end: int = 0


class Recorder(TorchDispatchMode):
    """Records into ``recording`` while active. Tensors of ``ignored`` count as there from the start."""

    def __init__(self, ignored: list[Tensor], vocabulary: int | None) -> None:
        super().__init__()
        self.recording = Recording()
        self._slot_of: dict[int, int | None] = {t.untyped_storage()._cdata: None for t in ignored}
        self._kept = list(ignored)
        self._watched: dict[int, weakref.ref[Any]] = {}
        self._vocabulary = vocabulary
        self.active = True

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = _pointwise(func, args, kwargs)
        if result is None:
            result = func(*args, **kwargs)
        if self.active and func.namespace in ("aten", "mkldnn", "quantized"):
            self._record(func, args, kwargs, result)
        return result

    def _record(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        name = base_name(func)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        family, dims = family_and_dims(
            name, [tuple(t.shape) for t in inputs], [tuple(t.shape) for t in outputs], args
        )
        for output in outputs:
            self._allocate(output, name)
        if family != "free" and outputs:
            main = inputs[0] if inputs else outputs[0]
            if family == "embedding" and len(inputs) > 1:
                read = [(tuple(outputs[0].shape), outputs[0].element_size())]
            else:
                read = [(tuple(t.shape), t.element_size()) for t in inputs]
            written = [(tuple(t.shape), t.element_size()) for t in outputs]
            self.recording.ops.append(
                RawOp(
                    family,
                    name,
                    dims,
                    short_dtype(main),
                    tuple(read),
                    tuple(written),
                    len(self.recording.events),
                )
            )
        if name in ("bernoulli_", "native_dropout"):
            self._tag(outputs[-1], "dropout_mask")

    def _allocate(self, tensor: Tensor, name: str) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._slot_of:
            return
        slot = len(self.recording.slots)
        shape = tuple(tensor.shape)
        whole = tensor.numel() * tensor.element_size() == storage.nbytes()
        raw = RawSlot(storage.nbytes(), shape if whole else None, tensor.element_size(), name)
        if self._vocabulary is not None and shape and shape[-1] == self._vocabulary:
            raw.tag = "logits"
        self.recording.slots.append(raw)
        self.recording.events.append(0)
        self._slot_of[key] = slot
        self._watched[slot] = weakref.ref(storage, partial(self._free, key, slot))

    def _free(self, key: int, slot: int, _: Any) -> None:
        self._slot_of.pop(key, None)
        self._watched.pop(slot, None)
        if self.active:
            self.recording.events.append(slot + 1)

    def _tag(self, tensor: Tensor, tag: str) -> None:
        slot = self._slot_of.get(tensor.untyped_storage()._cdata)
        if slot is not None:
            self.recording.slots[slot].tag = tag

    def tag(self, tensors: list[Tensor], tag: str) -> None:
        """Say what these tensors are for."""
        for tensor in tensors:
            self._tag(tensor, tag)

    def mark(self, phase: str, stack: int, layer: int) -> None:
        """Remember that ``layer`` of ``stack`` begins now; only the first time counts."""
        key = (phase, stack, layer)
        if self.active and key not in self.recording.marks:
            self.recording.marks[key] = (len(self.recording.events), len(self.recording.ops))
            self.recording.module_marks[key] = self.recording.modules

    def stop(self) -> None:
        """Record nothing from now on, not even tensors that go."""
        self.active = False


def short_dtype(tensor: Tensor) -> str:
    """``fp32``, ``bf16``, ``fp16``, else torch's own name."""
    name = str(tensor.dtype).removeprefix("torch.")
    return {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}.get(name, name)
