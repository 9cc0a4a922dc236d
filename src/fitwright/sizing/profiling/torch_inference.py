"""The cells of eager torch in inference: grids, and how each operator is called."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from fitwright.core.optional import require
from fitwright.sizing.profiling.cells import Arena, CellPlan, cache_sizes, diagonal
from fitwright.sizing.profiling.timing import Call

Prepared = tuple[Call, Call]

_MOST_FLOPS = 3e9
_WEIGHTS = (
    (768, 768), (3072, 768), (768, 3072), (384, 384), (1536, 384), (384, 1536), (1024, 1024), (128, 128),
    (512, 128), (256, 1024), (4096, 1024), (1024, 4096), (512, 512), (30522, 768), (2048, 2048), (8192, 2048),
    (2048, 512), (50257, 384), (256, 256), (2, 768),
)  # fmt: skip
"""(outputs, inputs) of the weights, the most usual first."""
_ROWS = (128, 16, 1024, 1, 512, 4, 48, 2048, 8192)
_WARM_ROWS = (16, 128, 4, 1, 512)
_WARM_WEIGHTS = ((384, 384), (1536, 384), (256, 1024), (768, 768), (128, 512), (512, 512))
_STREAM_BYTES = tuple(2**20 * size for size in (1, 4, 8, 16, 24, 32, 48, 64, 128))
_HEADS = ((12, 64), (48, 64), (12, 32), (4, 64), (16, 128), (96, 32))
"""(heads of all rows, width of a head)."""
_LENGTHS = (128, 32, 512, 8, 256, 1024, 64, 192, 384)
"""The kernels cut rows into other blocks from 192 and from 768 tokens on."""
_WIDTHS = (768, 256, 1024)
_SOFTMAX_WIDTHS = (128, 512, 32)
_ELEMENTS = (1 << 16, 1 << 12, 1 << 20, 1 << 8, 1 << 22, 1 << 18)
MOST_ELEMENTS = 1 << 22


def cells(dtype: str, arena: Arena, *, warm: bool = True) -> Iterator[CellPlan]:
    """Every cell of one dtype, the most informative first within each surface.

    Args:
        warm: also measure products whose weights the last-level cache holds; not on a card.
    """
    yield from linear(dtype, arena)
    yield from warm_linear(dtype, warm_arena(dtype) if warm else None)
    yield from batched_products(dtype, arena)
    yield from attention(dtype, arena)
    yield from rows(dtype, arena)
    yield from pointwise(dtype, arena)
    yield from convolutions(dtype, arena)


def linear(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """``F.linear`` with a cold weight and a bias."""
    for m, (n, k) in diagonal(_ROWS, _WEIGHTS):
        if 2.0 * m * n * k <= _MOST_FLOPS:
            yield _linear_cell(f"torch/{dtype}/linear", arena, m, n, k)


def warm_linear(dtype: str, arena: Arena | None) -> Iterator[CellPlan]:
    """The same with weights that the last-level cache keeps, as those of a small model; none without such a
    cache."""
    for m, (n, k) in diagonal(_WARM_ROWS, _WARM_WEIGHTS):
        if arena is not None and n * k * arena.dtype.itemsize * 3 <= arena.size_bytes:
            yield _linear_cell(f"torch/{dtype}/linear_warm", arena, m, n, k)


def warm_arena(dtype: str) -> Arena | None:
    """A block that the last-level cache holds with ease and the one before does not; ``None`` if there is
    none."""
    sizes = sorted(cache_sizes().values())
    if len(sizes) < 2 or sizes[-1] < 6 * sizes[-2]:
        return None
    return Arena(dtype, sizes[-1] // 3)


def streams(arena: Arena) -> Iterator[CellPlan]:
    """Reading blocks of growing size again and again: seconds of a pass."""
    for size in _STREAM_BYTES:
        if size > arena.size_bytes:
            continue
        parts = [arena.weight(size // 8 // arena.dtype.itemsize) for _ in range(8)]
        yield CellPlan(
            surface="torch/fp32/stream", kind="bytes", at=(size,),
            prepare=later(_pass_over, parts),
        )  # fmt: skip


def _linear_cell(surface: str, arena: Arena, m: int, n: int, k: int) -> CellPlan:
    functional = require("torch").nn.functional

    def prepare(m: int, n: int, k: int) -> Prepared:
        given, bias = arena.activation(m, k), arena.activation(n)
        source = given.clone()
        return lambda: given.copy_(source), lambda: functional.linear(given, arena.weight(n, k), bias)

    return CellPlan(surface=surface, kind="matmul", at=(m, n, k), prepare=later(prepare, m, n, k))


def batched_products(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Scores (queries × keys) and contexts (weights × values) of plain attention."""
    torch = require("torch")

    def prepare(heads: int, length: int, keys: int, width: int, transposed: bool) -> Prepared:
        if transposed:
            left, right = (
                arena.activation(heads, length, width),
                arena.activation(heads, keys, width).transpose(1, 2),
            )
        else:
            left, right = arena.activation(heads, length, keys), arena.activation(heads, keys, width)
        source = left.clone()
        return lambda: left.copy_(source), lambda: torch.bmm(left, right)

    for heads, queries, keys, width in attention_grid():
        for name, transposed in (("bmm_scores", True), ("bmm_context", False)):
            yield CellPlan(
                surface=f"torch/{dtype}/{name}", kind="attention", at=(heads, queries, keys / queries, width),
                prepare=later(prepare, heads, queries, keys, width, transposed),
            )  # fmt: skip


def attention(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Fused attention, full and causal, on tensors laid out as a model's projections leave them."""
    functional = require("torch").nn.functional

    def prepare(heads: int, queries: int, keys: int, width: int, causal: bool) -> Prepared:
        rows = max(1, heads // 12)

        def part(length: int) -> Any:
            return arena.activation(rows, length, heads // rows, width)

        q, k, v = part(queries), part(keys), part(keys)
        source = q.clone()
        qt, kt, vt = (one.transpose(1, 2) for one in (q, k, v))
        return (
            lambda: q.copy_(source),
            lambda: functional.scaled_dot_product_attention(qt, kt, vt, is_causal=causal),
        )

    for causal in (False, True):
        name = "causal_attention" if causal else "attention"
        for heads, queries, keys, width in attention_grid():
            if causal and queries != keys:
                continue
            yield CellPlan(
                surface=f"torch/{dtype}/{name}", kind="attention", at=(heads, queries, keys / queries, width),
                prepare=later(prepare, heads, queries, keys, width, causal),
            )  # fmt: skip


def rows(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Layer normalisation, softmax, and embedding look-ups."""
    torch = require("torch")
    functional = torch.nn.functional

    def norm(count: int, width: int) -> Prepared:
        given, scale, shift = arena.activation(count, width), arena.activation(width), arena.activation(width)
        source = given.clone()
        return lambda: given.copy_(source), lambda: functional.layer_norm(given, (width,), scale, shift)

    def softmax(count: int, width: int) -> Prepared:
        given = arena.activation(count, width)
        source = given.clone()
        return lambda: given.copy_(source), lambda: torch.softmax(given, -1)

    def embedding(count: int, width: int) -> Prepared:
        table = arena.weight(30_000, width)
        generator = torch.Generator().manual_seed(0)
        batches = [
            torch.randint(0, len(table), (1, count), generator=generator).to(arena.device) for _ in range(8)
        ]
        turn = itertools.cycle(batches)
        return _nothing, lambda: functional.embedding(next(turn), table)

    for name, make, widths in (
        ("norm", norm, _WIDTHS), ("softmax", softmax, _SOFTMAX_WIDTHS), ("embedding", embedding, _WIDTHS[:2]),
    ):  # fmt: skip
        for width, count in diagonal(widths, (128, 8, 2048, 512, 16384, 1)):
            if count * width <= MOST_ELEMENTS:
                yield CellPlan(
                    surface=f"torch/{dtype}/{name}", kind="rows", at=(count, width),
                    prepare=later(make, count, width),
                )  # fmt: skip


def pointwise(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Curves over bytes, by class of operator."""
    for name, (values, make) in _pointwise_calls(arena).items():
        for elements in _ELEMENTS:
            yield pointwise_cell(dtype, arena, name, values, elements, make)


def pointwise_cell(
    dtype: str, arena: Arena, name: str, moved: float, elements: int, make: Callable[[Any], Call]
) -> CellPlan:
    """One point of a curve.

    Args:
        moved: bytes read and written for each byte of the refreshed tensor.
        make: gives the call for the refreshed tensor (rows of 256).
    """

    def prepare() -> Prepared:
        given = arena.activation(-(-elements // 256), min(elements, 256))
        source = given.clone()
        call = make(given)
        return lambda: given.copy_(source), call

    size = arena.dtype.itemsize
    return CellPlan(
        surface=f"torch/{dtype}/{name}", kind="bytes", at=(moved * size * elements,), prepare=prepare
    )


def _pointwise_calls(arena: Arena) -> dict[str, tuple[float, Callable[[Any], Call]]]:
    torch = require("torch")
    functional = torch.nn.functional
    other_dtype = torch.bfloat16 if arena.dtype == torch.float32 else torch.float32
    other_share = 1 + other_dtype.itemsize / arena.dtype.itemsize

    def add(x: Any) -> Call:
        y = arena.activation(*x.shape)
        return lambda: torch.add(x, y)

    def where(x: Any) -> Call:
        y, mask = arena.activation(*x.shape), x > 0
        return lambda: torch.where(mask, x, y)

    def copy(x: Any) -> Call:
        if x.shape[1] < 256:
            return lambda: x.clone()
        permuted = x.view(1, 4, -1, 64).transpose(1, 2)  # heads to the inside, as after attention
        return lambda: permuted.contiguous()

    def cat(x: Any) -> Call:
        y = arena.activation(*x.shape)
        return lambda: torch.cat([x, y], 0)

    def gather(x: Any) -> Call:
        rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(0)).to(arena.device)
        return lambda: torch.index_select(x, 0, rows)

    size = arena.dtype.itemsize
    return {
        "add": (3, add), "gelu": (2, lambda x: lambda: functional.gelu(x)),
        "tanh": (2, lambda x: lambda: torch.tanh(x)), "exp": (2, lambda x: lambda: functional.silu(x)),
        "copy": (2, copy), "cast": (other_share, lambda x: lambda: x.to(other_dtype)),
        "where": (3 + 1 / size, where), "pow": (2, lambda x: lambda: torch.pow(x, 3.0)),
        "sqrt": (2, lambda x: lambda: torch.sqrt(x)), "mean": (1, lambda x: lambda: x.mean(-1, keepdim=True)),
        "cat": (4, cat), "gather": (2, gather), "fill": (1, lambda x: lambda: torch.ones_like(x)),
        "compare": (1 + 1 / size, lambda x: lambda: x > 0),
    }  # fmt: skip


def convolutions(dtype: str, arena: Arena) -> Iterator[CellPlan]:
    """Patches of images, frames of speech, and the layers of convolutional networks, dense and depthwise."""
    torch = require("torch")
    # rows, input channels, output channels, groups, kernel, stride, size of the image's edge
    shapes = (
        (1, 3, 768, 1, 16, 16, 224), (1, 64, 64, 1, 3, 1, 56), (1, 256, 64, 1, 1, 1, 56),
        (1, 384, 384, 384, 7, 1, 14), (8, 3, 768, 1, 16, 16, 224), (1, 256, 256, 1, 3, 1, 14),
        (1, 1024, 256, 1, 1, 1, 14), (1, 96, 96, 96, 7, 1, 56), (1, 512, 512, 1, 3, 1, 7),
        (4, 256, 256, 1, 3, 1, 14), (4, 384, 384, 384, 7, 1, 14), (1, 128, 128, 1, 3, 1, 28),
        (1, 64, 256, 1, 1, 1, 56), (1, 3, 96, 1, 4, 4, 224), (1, 512, 2048, 1, 1, 1, 7),
        (4, 1024, 256, 1, 1, 1, 14),
    )  # fmt: skip

    def prepare(
        batch: int, inputs: int, outputs: int, groups: int, kernel: int, stride: int, edge: int
    ) -> Prepared:
        given, bias = arena.activation(batch, inputs, edge, edge), arena.activation(outputs)
        source = given.clone()
        padding = kernel // 2 if stride == 1 else 0
        return lambda: given.copy_(source), lambda: torch.conv2d(
            given, arena.weight(outputs, inputs // groups, kernel, kernel), bias, stride, padding, 1, groups
        )

    for batch, inputs, outputs, groups, kernel, stride, edge in shapes:
        name = "depthwise_convolution" if groups > 1 else "convolution"
        positions, taps = batch * (edge // stride) ** 2, inputs // groups * kernel * kernel
        yield CellPlan(
            surface=f"torch/{dtype}/{name}", kind="convolution", at=(positions, taps, outputs),
            prepare=later(prepare, batch, inputs, outputs, groups, kernel, stride, edge),
        )  # fmt: skip


def attention_grid() -> Iterator[tuple[int, int, int, int]]:
    """(heads, queries, keys, width): full squares, then one new token against a cache."""
    for length, (heads, width) in diagonal(_LENGTHS, _HEADS):
        if 4.0 * heads * length * length * width <= _MOST_FLOPS / 2:
            yield heads, length, length, width
    for keys in (128, 1024):
        yield 12, 1, keys, 64


def later(make: Callable[..., Prepared], *arguments: Any) -> Callable[[], Prepared]:
    """``make`` with its arguments, for a cell to call when its turn comes."""
    return lambda: make(*arguments)


def _pass_over(parts: list[Any]) -> Prepared:
    return _nothing, lambda: [part.sum() for part in parts]


def _nothing() -> None:
    return None
