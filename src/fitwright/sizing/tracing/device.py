"""What the target device does otherwise than tensors without memory do: dropout, attention, autocast.

On the meta device dropout keeps a floating mask where CUDA's fused operator keeps one of booleans, attention
takes the unfused path, and autocast does nothing. This mode puts the target's behaviour in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

_PRODUCTS = frozenset({
    F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm, torch.mm, Tensor.mm,
    torch.addmm, torch.baddbmm, Tensor.baddbmm, Tensor.addmm, F.conv1d, F.conv2d, F.conv3d, torch.einsum,
    torch.conv1d, torch.conv2d,
})  # fmt: skip
"""Autocast runs these in the lower precision on both devices (torch.amp: autocast op reference)."""

_CUDA_FP32 = frozenset({
    F.layer_norm, F.softmax, torch.softmax, Tensor.softmax, F.log_softmax, torch.log_softmax, F.cross_entropy,
    F.nll_loss, F.mse_loss, F.binary_cross_entropy_with_logits, torch.exp, Tensor.exp, torch.pow, Tensor.pow,
    torch.rsqrt, Tensor.rsqrt, torch.cumsum, Tensor.cumsum, torch.sum, Tensor.sum, torch.cos, Tensor.cos,
    torch.sin, Tensor.sin, F.group_norm, F.cosine_similarity, torch.norm, Tensor.norm, F.softplus, torch.log,
    Tensor.log, torch.prod, Tensor.prod,
})  # fmt: skip
"""CUDA's autocast runs these in fp32; the CPU's list has none that a Transformer's step uses."""

_GROUPED = getattr(torch, "_grouped_mm", None)
_ASKS = frozenset({Tensor.item, Tensor.__bool__, Tensor.__int__, Tensor.__float__, Tensor.__index__})
"""Questions about a tensor's content, which there is none of."""
_ANY = frozenset({torch.any, Tensor.any})

_CPU_FP32 = frozenset({F.mse_loss, F.nll_loss, F.binary_cross_entropy})


class DeviceBehaviour(TorchFunctionMode):
    """Active around the forward pass.

    Args:
        kind: ``cpu`` or ``cuda``.
        autocast: the lower dtype, or ``None``.
        cast: called with each copy of a weight that autocast keeps.
    """

    def __init__(self, kind: str, autocast: torch.dtype | None, cast: Callable[[Tensor], None]) -> None:
        super().__init__()
        self._kind = kind
        self._lower = autocast
        self._cast = cast
        self._copies: dict[int, Tensor] = {}
        self._anys: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _ASKS and args[0].is_meta:
            return self._answer(args[0])
        if func in _ANY:
            found = func(*args, **kwargs)
            self._anys[id(found)] = found
            return found
        if func is _GROUPED:
            return self._grouped(*args, **kwargs)
        if func is F.scaled_dot_product_attention:
            if self._lower is not None:
                args, kwargs = self._lowered(args), {k: self._lowered_one(v) for k, v in kwargs.items()}
            return self._attention(*args, **kwargs)
        if func is F.dropout:
            return self._dropout(func, *args, **kwargs)
        if self._lower is not None:
            if func in _PRODUCTS:
                args, kwargs = self._lowered(args), {k: self._lowered_one(v) for k, v in kwargs.items()}
            elif func in (_CUDA_FP32 if self._kind == "cuda" else _CPU_FP32):
                args = tuple(self._raised(a) for a in args)
        return func(*args, **kwargs)

    def __exit__(self, *reason: Any) -> None:
        self._copies.clear()  # autocast's region ends: its copies of the weights go
        super().__exit__(*reason)

    def _answer(self, tensor: Tensor) -> bool | int | float:
        """For rows without padding: every token counts (all), none is special (any)."""
        if tensor.dtype == torch.bool:
            return id(tensor) not in self._anys
        return 1.0 if tensor.is_floating_point() else 0

    def _grouped(self, rows: Tensor, weights: Tensor, *_: Any, **__: Any) -> Tensor:
        """Products of rows sorted by expert, as one product over all rows: the same work, any dtype."""
        if self._lower is not None:
            rows, weights = self._lowered_one(rows), self._lowered_one(weights)
        return torch.mm(rows, weights[0])

    def _dropout(
        self, func: Any, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        if self._kind == "cuda" and training and p > 0 and not inplace:
            dropped: Tensor = torch.native_dropout(x, p, True)[0]
            return dropped
        result: Tensor = func(x, p, training, inplace)
        return result

    def _attention(
        self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
        dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        learned = attn_mask is not None and attn_mask.requires_grad
        fits = query.dim() == 4 and key.shape[-1] == value.shape[-1]
        if self._kind == "cpu" and fits and not learned and dropout_p == 0.0:
            found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, dropout_p, is_causal, attn_mask=attn_mask, scale=scale
            )
            return found[0]  # type: ignore[no-any-return]
        if self._kind == "cuda" and fits:
            shared = enable_gqa and key.shape[1] != query.shape[1]
            if shared and attn_mask is None and query.dtype != torch.float32:
                # FlashAttention takes fewer key than query heads; the kernel for fp32 does not.
                found = torch.ops.aten._scaled_dot_product_flash_attention(
                    query, key, value, dropout_p, is_causal, False, scale=scale
                )
                return found[0]  # type: ignore[no-any-return]
            if shared:
                times = query.shape[1] // key.shape[1]
                key, value = key.repeat_interleave(times, 1), value.repeat_interleave(times, 1)
            found = torch.ops.aten._scaled_dot_product_efficient_attention(
                query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale
            )
            return found[0]  # type: ignore[no-any-return]
        options: dict[str, Any] = {"dropout_p": dropout_p, "is_causal": is_causal, "scale": scale}
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask=attn_mask, enable_gqa=enable_gqa, **options
        )

    def _lowered(self, args: Any) -> Any:
        return tuple(self._lowered_one(argument) for argument in args)

    def _lowered_one(self, argument: Any) -> Any:
        if isinstance(argument, (list, tuple)):
            return type(argument)(self._lowered_one(a) for a in argument)
        if not isinstance(argument, Tensor) or argument.dtype != torch.float32 or self._lower is None:
            return argument
        if argument.is_leaf and argument.requires_grad:
            if id(argument) not in self._copies:
                copy = argument.to(self._lower)
                self._cast(copy)
                self._copies[id(argument)] = copy
            return self._copies[id(argument)]
        return argument.to(self._lower)

    def _raised(self, argument: Any) -> Any:
        lower = isinstance(argument, Tensor) and argument.dtype in (torch.bfloat16, torch.float16)
        return argument.float() if lower else argument
