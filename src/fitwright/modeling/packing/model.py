"""Pack a model: it is still called with padded rows and answers in padded shape, but computes no padding.

Before the model's body rows are laid end to end (ids, positions, token types); behind it the hidden states
are put back in their padded places, and what had been pooled from the packed sequence is pooled again.
Heads, losses and whatever else reads the body's answer see no difference.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.modeling.local_attention import local_attention_of
from fitwright.modeling.packing.attention import NAME, packed_rows, register
from fitwright.modeling.packing.backends.registry import backend_of
from fitwright.modeling.packing.checking import (
    HALF_TOLERANCE,
    TOLERANCE,
    packing_difference,
    try_training,
)
from fitwright.modeling.packing.fused import FusedLayer, fuse
from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.packing.mask import PackedMask
from fitwright.modeling.packing.readout import hook_readout, last_seam
from fitwright.modeling.packing.stacks import (
    architecture,
    attention_of,
    exchange_attention,
    hook_positions,
    position_offset,
    stacks_of,
    takes_positions,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

_NOT_PER_TOKEN = {"attention_mask", "encoder_hidden_states", "encoder_attention_mask", "past_key_values"}


class PackedModel:
    """A model whose body computes packed rows, until :meth:`remove`.

    Attributes:
        multiple: packed totals are rounded up to it.
        fused: whether layers are computed as one function.
        first_only: whether the last layer is finished for the first token of each row alone, since the head
            reads no other.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        multiple: int = 1,
        backend: str = "grouped",
        computing: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """Pack ``model`` in place.

        Args:
            model: see the module.
            multiple: packed totals are rounded up to it, and to what the backend wants.
            backend: computes attention (:mod:`backends.registry`).
            computing: the context of the run's forward passes, for backends that know its precision alone.

        Raises:
            UsageError: its attention cannot be exchanged or not be computed by the backend, nothing is known
                about its positions, or packed answers differ from padded ones.
        """
        register()
        chosen = backend_of(backend)
        multiple = max(multiple, chosen.multiple)
        self.model, self.multiple = model, multiple
        self._context = computing if chosen.half_only else contextlib.nullcontext
        self._tolerance = HALF_TOLERANCE if chosen.half_only else TOLERANCE
        self._stacks: list[PackedStack] = []
        try:
            stacks = [
                (stack, attention_of(stack)) for stack in stacks_of(model)
            ]  # a pair may share one config
            for stack, before in stacks:
                self._stacks.append(PackedStack(stack, before, multiple, backend))
            difference = self._difference()
            if backend != "grouped":
                with self._context():
                    try_training(model)
        except Exception as error:  # a model's own code fails in its own way: then it stays padded
            self.remove()
            if isinstance(error, UsageError):
                raise
            reason = str(error).strip().partition("\n")[0][:200]
            raise UsageError(
                f"rows of this architecture cannot be packed: {reason}", got=architecture(model)
            ) from error
        if difference > self._tolerance:
            self.remove()
            raise UsageError(
                f"packed rows of this architecture give other answers (by {difference:.1e} of the largest)",
                got=architecture(model),
            )
        self.fused = backend == "grouped" and self._try_fused()
        self.first_only = self._try_first_only()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Inside the block the model computes padded batches as before."""
        self._switch(False)
        try:
            yield
        finally:
            self._switch(True)

    def remove(self) -> None:
        """Make the model what it was."""
        for stack in self._stacks:
            stack.remove()

    def _difference(self) -> float:
        with self._context():
            return packing_difference(self.model, self)

    def _try_fused(self) -> bool:
        """Compute layers as one function from now on, if the answers stay the same."""
        for stack in self._stacks:
            stack.fuse()
        if self._difference() <= self._tolerance:
            return any(stack.is_fused for stack in self._stacks)
        for stack in self._stacks:
            stack.unfuse()
        return False

    def _try_first_only(self) -> bool:
        """Finish the first tokens alone from now on, if the answers stay the same."""
        if len(self._stacks) != 1 or not self._stacks[0].can_read_first:
            return False
        self._stacks[0].first_only = True
        self._stacks[0].first_only = self._difference() <= self._tolerance
        return self._stacks[0].first_only

    def _switch(self, on: bool) -> None:
        for stack in self._stacks:
            stack.switch(on)


class PackedStack:
    """One module (a body, an encoder, a decoder) whose forward packs, computes and unpacks."""

    def __init__(self, module: nn.Module, before: str, multiple: int, backend: str) -> None:
        self.module, self.multiple, self._before, self._backend = module, multiple, before, backend
        self._local = local_attention_of(module.config)
        if self._local is not None and not backend_of(backend).windows:
            raise UsageError(
                f"{backend} attention knows no window that leaves the first token out, which this model has",
                got=f"a window of {self._local.window}",
            )
        exchange_attention(module, NAME)
        self._signature = inspect.signature(type(module).forward)
        self._offset = position_offset(module)
        self._layout: RowLayout | None = None
        try:
            self._handles = hook_positions(module, lambda: self._layout)
        except UsageError:
            exchange_attention(module, self._before)
            raise
        seam = last_seam(module)
        self.can_read_first, self.first_only = seam is not None, False
        self._chosen: torch.Tensor | None = None
        self._fused: list[FusedLayer] = []
        if seam is not None:
            self._handles.append(hook_readout(seam, lambda: self._chosen))
        self._original = module.forward
        self.switch(True)

    def switch(self, on: bool) -> None:
        """Pack from now on, or leave the module to its own forward and attention."""
        self.module.forward = self.forward if on else self._original
        exchange_attention(self.module, NAME if on else self._before)

    @property
    def is_fused(self) -> bool:
        """Whether layers are computed as one function."""
        return bool(self._fused)

    def fuse(self) -> None:
        """Compute layers as one function where they are such as can be."""
        self._fused = fuse(self.module, lambda: self._chosen)

    def unfuse(self) -> None:
        """Leave layers to their own code."""
        while self._fused:
            self._fused.pop().remove()

    def remove(self) -> None:
        """Give the module its own forward and attention back for good."""
        self.unfuse()
        self.switch(False)
        del self.module.forward
        for handle in self._handles:
            handle.remove()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's forward, on packed rows; as it is where there is a cache to continue."""
        given = self._given(args, kwargs)
        tokens = given.get("input_ids")
        if tokens is None:
            tokens = given.get("inputs_embeds")
        if tokens is None or given.get("past_key_values") is not None or given.get("output_attentions"):
            return self._original(*args, **kwargs)
        layout = RowLayout.of(
            _mask(given.get("attention_mask"), tokens), multiple=self.multiple,
            apart_above=None if self._local is None else self._local.above,
        )  # fmt: skip
        packed, masks = self._packed(given, layout)
        self._layout = layout
        first = self.first_only and not given.get("output_hidden_states")
        self._chosen = layout.first_B if first else None
        try:
            with packed_rows(masks):
                answer = self._original(**packed)
        finally:
            self._layout = self._chosen = None
        return _unpacked(self.module, answer, _rows_of_one if first else layout.unpack)

    def _given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        bound = self._signature.bind(self.module, *args, **kwargs).arguments
        extra = bound.pop("kwargs", {})
        bound.pop("self", None)
        return {**bound, **extra}

    def _packed(
        self, given: dict[str, Any], layout: RowLayout
    ) -> tuple[dict[str, Any], dict[int | None, PackedMask]]:
        """The arguments of the packed call, and what its masks stand for."""
        packed = {k: v if k in _NOT_PER_TOKEN else _pack(v, layout) for k, v in given.items()}
        own = _stand_in(layout)
        masks: dict[int | None, PackedMask] = {
            own.data_ptr(): PackedMask(layout, layout, local=self._local, backend=self._backend)
        }
        packed["attention_mask"] = own
        if takes_positions(self.module) and given.get("position_ids") is None:
            packed["position_ids"] = (layout.position_N + self._offset).unsqueeze(0)
        if "use_cache" in self._signature.parameters:
            packed["use_cache"] = False
        source = given.get("encoder_hidden_states")
        if source is not None:
            theirs = RowLayout.of(_mask(given.get("encoder_attention_mask"), source))
            other = _stand_in(theirs)
            masks[other.data_ptr()] = PackedMask(layout, theirs, backend=self._backend)
            packed["encoder_hidden_states"], packed["encoder_attention_mask"] = theirs.pack(source), other
        return packed, masks


def _pack(value: Any, layout: RowLayout) -> Any:
    """A tensor with a value for each token of the batch, packed; anything else as it is."""
    if getattr(value, "shape", ())[:2] == (layout.rows, layout.width):
        return layout.pack(value)
    return value


def _mask(mask: torch.Tensor | None, tokens: torch.Tensor) -> torch.Tensor:
    return tokens.new_ones(tokens.shape[:2], dtype=tokens.dtype) if mask is None else mask


def _stand_in(layout: RowLayout) -> torch.Tensor:
    """The mask that the model carries from its arguments to the mask interface."""
    import torch

    return torch.ones(1, layout.tokens, dtype=torch.bool, device=layout.source_N.device)


def _rows_of_one(packed_1BW: torch.Tensor) -> torch.Tensor:
    """(1, B, W) → (B, 1, W): rows of which only the first token was finished."""
    return packed_1BW.transpose(0, 1)


def _unpacked(module: nn.Module, answer: Any, unpack: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    if not hasattr(answer, "last_hidden_state"):
        raise UsageError("packed rows need return_dict=True", got=type(answer).__name__)
    seen: dict[int, torch.Tensor] = {}

    def once(packed: torch.Tensor) -> torch.Tensor:
        if id(packed) not in seen:
            seen[id(packed)] = unpack(packed)
        return seen[id(packed)]

    last, hidden = answer.last_hidden_state, getattr(answer, "hidden_states", None)
    answer.last_hidden_state = once(last)
    if hidden is not None:
        answer.hidden_states = tuple(once(state) for state in hidden)
    if getattr(answer, "pooler_output", None) is not None:
        answer.pooler_output = _pool(module, answer.last_hidden_state)
    return answer


def _pool(module: Any, hidden_BTW: torch.Tensor) -> torch.Tensor:
    """Pool again: what the module pooled was the first token of the whole packed sequence."""
    activation = getattr(module, "pooler_activation", None)
    if activation is not None:  # ALBERT's pooler is a bare matrix
        return activation(module.pooler(hidden_BTW[:, 0]))
    return module.pooler(hidden_BTW)
