"""The cells that only training needs: backward operators, dropout's random numbers, the optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from fitwright.core.optional import require
from fitwright.sizing.profiling.cells import Arena, CellPlan, diagonal
from fitwright.sizing.profiling.timing import Call
from fitwright.sizing.profiling.torch_inference import (
    MOST_ELEMENTS,
    Prepared,
    attention_grid,
    later,
    pointwise_cell,
)

_MOST_FLOPS = 3e9
_WEIGHTS = (
    (768, 768),
    (3072, 768),
    (384, 384),
    (384, 1536),
    (1024, 1024),
    (128, 512),
    (768, 3072),
    (256, 256),
)
_TOKENS = (256, 1024, 32, 2048, 96)
_ELEMENTS = (1 << 16, 1 << 20, 1 << 8, 1 << 22, 1 << 13)
_TENSORS = ((768, 768), (768,), (128, 128), (2048, 1024))


def cells(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Every cell of one dtype, the most informative first within each surface."""
    yield from weight_gradients(dtype, arena)
    yield from attention_backward(dtype, arena)
    yield from rows_backward(dtype, arena)
    yield from embedding_gradients(dtype, arena)
    yield from pointwise_backward(dtype, arena)
    if dtype == "fp32":
        yield from convolutions_backward(dtype, arena)
        yield from optimisers(dtype, arena)


def weight_gradients(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """``gradientᵀ · input``: the shape of the weight, summed over the tokens."""
    torch = require("torch")

    def prepare(outputs: int, inputs: int, tokens: int) -> Prepared:
        gradient, given = arena.activation(tokens, outputs), arena.activation(tokens, inputs)
        source = gradient.clone()
        return lambda: gradient.copy_(source), lambda: torch.mm(gradient.t(), given)

    for tokens, (outputs, inputs) in diagonal(_TOKENS, _WEIGHTS):
        if 2.0 * tokens * outputs * inputs <= _MOST_FLOPS:
            yield CellPlan(
                surface=f"torch/{dtype}/mm_tn", kind="matmul", at=(outputs, inputs, tokens),
                prepare=later(prepare, outputs, inputs, tokens),
            )  # fmt: skip


def attention_backward(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Backward pass of fused attention, full and causal."""
    torch = require("torch")
    aten = torch.ops.aten
    forward = aten._scaled_dot_product_flash_attention_for_cpu
    backward = aten._scaled_dot_product_flash_attention_for_cpu_backward

    def prepare(heads: int, length: int, width: int, causal: bool) -> Prepared:
        rows = max(1, heads // 12)
        q, k, v = (arena.activation(rows, length, heads // rows, width).transpose(1, 2) for _ in range(3))
        output, logsumexp = forward(q, k, v, 0.0, causal)
        gradient = torch.empty_like(output).copy_(output)
        return (
            lambda: gradient.copy_(output),
            lambda: backward(gradient, q, k, v, output, logsumexp, 0.0, causal),
        )

    for causal in (False, True):
        name = "causal_attention_backward" if causal else "attention_backward"
        for heads, queries, keys, width in attention_grid():
            if queries == keys:
                yield CellPlan(
                    surface=f"torch/{dtype}/{name}", kind="attention", at=(heads, queries, 1.0, width),
                    prepare=later(prepare, heads, queries, width, causal),
                )  # fmt: skip


def rows_backward(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Backward passes of layer normalisation and softmax."""
    torch = require("torch")
    aten = torch.ops.aten

    def norm(count: int, width: int) -> Prepared:
        given, scale, shift = arena.activation(count, width), arena.activation(width), arena.activation(width)
        _, mean, deviation = aten.native_layer_norm(given, [width], scale, shift, 1e-5)
        gradient, everything = given.clone(), [True, True, True]
        return lambda: gradient.copy_(given), lambda: aten.native_layer_norm_backward(
            gradient, given, [width], mean, deviation, scale, shift, everything
        )

    def softmax(count: int, width: int) -> Prepared:
        output = torch.softmax(arena.activation(count, width), -1)
        gradient = output.clone()
        return lambda: gradient.copy_(output), lambda: aten._softmax_backward_data(
            gradient, output, -1, output.dtype
        )

    for name, make, widths in (
        ("norm_backward", norm, (768, 256)), ("softmax_backward", softmax, (128, 512, 32)),
    ):  # fmt: skip
        for width, count in diagonal(widths, (512, 64, 4096, 16384)):
            if count * width <= MOST_ELEMENTS:
                yield CellPlan(
                    surface=f"torch/{dtype}/{name}", kind="rows", at=(count, width),
                    prepare=later(make, count, width),
                )  # fmt: skip


def embedding_gradients(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """The dense gradient of an embedding table, which is filled with zeros first."""
    torch = require("torch")
    backward = torch.ops.aten.embedding_dense_backward

    def prepare(count: int, width: int, entries: int) -> Prepared:
        gradient = arena.activation(1, count, width)
        source = gradient.clone()
        ids = torch.randint(0, entries, (1, count), generator=torch.Generator().manual_seed(0))
        return lambda: gradient.copy_(source), lambda: backward(gradient, ids, entries, -1, False)

    for entries, width in ((8000, 768), (512, 384), (20_000, 256)):
        for count in (1024, 128, 4096):
            yield CellPlan(
                surface=f"torch/{dtype}/embedding_backward", kind="table", at=(count, width, entries),
                prepare=later(prepare, count, width, entries),
            )  # fmt: skip


def pointwise_backward(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Curves over bytes of the pointwise operators of a training step."""
    for name, (moved, make) in _calls(arena).items():
        for elements in _ELEMENTS:
            if name == "bernoulli" and elements > 1 << 20:
                continue
            yield pointwise_cell(dtype, arena, name, moved, elements, make)


def _calls(arena: Arena) -> dict[str, tuple[float, Callable[[Any], Call]]]:
    torch = require("torch")
    aten = torch.ops.aten
    generator = torch.Generator().manual_seed(0)

    def binary(operator: Any, *rest: Any) -> Callable[[Any], Call]:
        def make(x: Any) -> Call:
            y = arena.activation(*x.shape)
            return lambda: operator(x, y, *rest)

        return make

    return {
        "bernoulli": (2, lambda x: lambda: x.bernoulli_(0.9, generator=generator)),
        "gelu_backward": (3, binary(aten.gelu_backward)),
        "tanh_backward": (3, binary(aten.tanh_backward)),
        "silu_backward": (3, binary(aten.silu_backward)),
        "threshold_backward": (3, binary(aten.threshold_backward, 0.0)),
        "sum": (1, lambda x: lambda: torch.sum(x, [0], keepdim=True)),
    }


def convolutions_backward(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Backward pass of patches and of a convolutional layer."""
    torch = require("torch")

    def prepare(
        batch: int, inputs: int, outputs: int, groups: int, kernel: int, stride: int, edge: int
    ) -> Prepared:
        padding = kernel // 2 if stride == 1 else 0
        given, bias = arena.activation(batch, inputs, edge, edge), arena.activation(outputs)
        weight = arena.weight(outputs, inputs // groups, kernel, kernel)
        output = torch.conv2d(given, weight, bias, stride, padding, 1, groups)
        gradient = output.clone()
        wanted = [stride == 1, True, True]
        return lambda: gradient.copy_(output), lambda: torch.ops.aten.convolution_backward(
            gradient,
            given,
            weight,
            [outputs],
            [stride] * 2,
            [padding] * 2,
            [1, 1],
            False,
            [0, 0],
            groups,
            wanted,
        )

    for batch, inputs, outputs, groups, kernel, stride, edge in (
        (1, 3, 768, 1, 16, 16, 224), (1, 64, 64, 1, 3, 1, 56), (1, 256, 256, 1, 3, 1, 14), (1, 96, 96, 96, 7,
        1, 56),
    ):  # fmt: skip
        name = "depthwise_convolution_backward" if groups > 1 else "convolution_backward"
        yield CellPlan(
            surface=f"torch/{dtype}/{name}", kind="convolution",
            at=(batch * (edge // stride) ** 2, inputs // groups * kernel * kernel, outputs),
            prepare=later(prepare, batch, inputs, outputs, groups, kernel, stride, edge),
        )  # fmt: skip


def optimisers(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """A step of each optimiser on one tensor, with the others' states cold: seconds over bytes of the
    parameter."""
    torch = require("torch")
    kinds: dict[str, Callable[[list[Any]], Any]] = {
        "adamw-fused": lambda p: torch.optim.AdamW(p, fused=True),
        "adamw-plain": lambda p: torch.optim.AdamW(p, foreach=False),
        "adamw-foreach": lambda p: torch.optim.AdamW(p, foreach=True),
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, foreach=False),
        "sgd-momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, foreach=False),
        "adafactor": lambda p: torch.optim.Adafactor(p, foreach=False),
    }

    @lru_cache
    def prepare(name: str, shape: tuple[int, ...], copies: int) -> Prepared:
        with torch.inference_mode(False), torch.enable_grad():
            parameters = [torch.nn.Parameter(arena.activation(*shape)) for _ in range(copies)]
            for parameter in parameters:
                parameter.grad = arena.activation(*shape)
            optimiser = kinds[name](parameters)
        return (lambda: None), optimiser.step

    for shape in _TENSORS:
        size = 4 * torch.Size(shape).numel()
        copies = 3 if size > 2**20 else 48
        for name in list(kinds)[: 2 if shape == _TENSORS[-1] else len(kinds)]:
            yield CellPlan(
                surface=f"torch/{dtype}/optimiser_{name}", kind="bytes", at=(size,),
                prepare=later(prepare, name, shape, copies), divide=copies,
            )  # fmt: skip
