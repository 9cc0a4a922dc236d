"""Every backend: packed rows give the padded model's answers and gradients, or a reason why not."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
import torch

from fitwright.core.errors import UsageError
from fitwright.modeling.packing.backends.flex import seen_by
from fitwright.modeling.packing.backends.flex_blocks import seen_blocks
from fitwright.modeling.packing.backends.interface import Machine
from fitwright.modeling.packing.backends.registry import BACKENDS, backend_of, refusals
from fitwright.modeling.packing.layout import RowLayout
from fitwright.modeling.packing.mask import Band, PackedMask
from fitwright.modeling.packing.model import PackedModel
from tests.modeling.packing.families import CLASSIFIERS, LENGTHS, PAIRS, answers, padded, tiny
from tests.modeling.packing.kernels import lend_kernel, varlen_attn

pytestmark = [
    pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script"),
    pytest.mark.filterwarnings("ignore:The .grad attribute"),
]
CPU = Machine(device=torch.device("cpu"), precision="bf16")
FAMILIES = [name for name in [*CLASSIFIERS, *PAIRS] if name != "t5"]
FEW = [
    ("varlen", "bert"), ("varlen", "mistral"), ("varlen", "bart"), ("flash", "modernbert"),
    ("flex", "bert"), ("flex", "mistral"), ("flex", "bart"),
]  # fmt: skip
ALL = [
    pytest.param(backend, family, marks=[] if (backend, family) in FEW else pytest.mark.slow)
    for backend in ("varlen", "flash", "flex") for family in FAMILIES
]  # fmt: skip


@pytest.mark.parametrize(("backend", "family"), ALL)
def test_packed_rows_answer_as_padded_ones(
    backend: str, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend_kernel(backend, monkeypatch)
    model, inputs = tiny(family), padded(family)
    for module in model.modules():  # these kernels drop nothing, and say so in training
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
    expected = answers(model, inputs)
    packing = PackedModel(model, multiple=16, backend=backend)
    assert not packing.fused
    found = answers(model, inputs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-5, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("backend", ["varlen", "flex"])
def test_dropout_that_a_kernel_has_not_is_refused(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lend_kernel(backend, monkeypatch)
    model = tiny("bert")
    before = torch.get_rng_state()
    with pytest.raises(UsageError, match="no dropout of attention weights"):
        PackedModel(model, backend=backend)
    assert model.config._attn_implementation == "sdpa"
    assert not model.training
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("backend", ["varlen", "flash", "flex"])
def test_a_learned_bias_is_refused(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lend_kernel(backend, monkeypatch)
    with pytest.raises(UsageError, match="bias by relative position"):
        PackedModel(tiny("t5"), backend=backend)


def test_a_machine_without_a_card_says_why() -> None:
    found = refusals(CPU)
    assert found["grouped"] is None
    assert "no backward pass" in str(found["flex"])
    assert "CUDA" in str(found["varlen"])
    assert "flash-attn is not installed" in str(found["flash"])


def test_cards_are_asked_for_what_the_kernels_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _=None: (7, 5))
    card = torch.device("cuda")
    assert "bf16 and fp16" in str(BACKENDS["varlen"].refusal(Machine(device=card, precision="fp32")))
    assert "7.5" in str(BACKENDS["varlen"].refusal(Machine(device=card, precision="fp16")))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _=None: (8, 0))
    assert BACKENDS["varlen"].refusal(Machine(device=card, precision="bf16")) is None
    with pytest.raises(UsageError, match="flash, varlen, flex, grouped"):
        backend_of("xformers")


def test_the_kernel_of_torch_still_takes_what_it_is_given() -> None:
    from torch.nn.attention.varlen import varlen_attn as real

    known = inspect.signature(real).parameters
    for name, parameter in inspect.signature(varlen_attn).parameters.items():
        assert known[name].kind == parameter.kind, name
    positional = [name for name, p in known.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == list(inspect.signature(varlen_attn).parameters)[:7]


def _layout(multiple: int = 16) -> RowLayout:
    return RowLayout.of(torch.arange(32) < torch.tensor(LENGTHS)[:, None], multiple=multiple, apart_above=9)


@pytest.mark.parametrize("reach", [(None, None), (None, 0), (4, 0), (3, 2)])
def test_bands_are_found_by_asking(reach: tuple[int | None, int | None]) -> None:
    left, right = reach

    def allowed(_: object, __: object, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        behind = query - key
        return (behind <= (99 if left is None else left)) & (-behind <= (99 if right is None else right))

    layout = _layout()
    assert PackedMask(layout, layout, allowed).band == Band(left, right)
    chunks = PackedMask(layout, layout, lambda _, __, q, k: q // 4 == k // 4)
    assert chunks.band is None
    with pytest.raises(UsageError, match="no band"):
        chunks.checked_band("varlen")


@pytest.mark.parametrize("shape", ["whole", "causal", "chunks", "across"])
def test_no_block_that_is_seen_is_left_out_and_few_others_are_computed(shape: str) -> None:
    queries = _layout()
    keys = queries if shape != "across" else RowLayout.of(
        torch.arange(20) < torch.tensor((20, 1, 5, 5, 7, 2, 3))[:, None]
    )  # fmt: skip
    function = {"causal": lambda _, __, q, k: k <= q, "chunks": lambda _, __, q, k: q // 4 == k // 4}
    mask = PackedMask(queries, keys, function.get(shape))
    _check_blocks(mask, exact=shape in ("whole", "across"))


def _check_blocks(mask: PackedMask, *, exact: bool) -> None:
    size, (rows, columns) = 8, (mask.queries.tokens, mask.keys.tokens)
    zero = torch.zeros((), dtype=torch.long)
    seen = seen_by(mask)(zero, zero, torch.arange(rows)[:, None], torch.arange(columns))
    blocks = seen_blocks(mask, size)
    whole = torch.zeros(blocks.shape[0] * size, blocks.shape[1] * size, dtype=torch.bool)
    whole[:rows, :columns] = seen
    needed = whole.unflatten(0, (-1, size)).unflatten(2, (-1, size)).any(3).any(1)
    found = torch.from_numpy(blocks)
    assert not (needed & ~found).any()
    if exact:
        assert torch.equal(needed, found)
    assert seen.any(1).all()  # filler too sees something: softmax over nothing is no number


def test_nothing_of_it_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lend_kernel("varlen", monkeypatch)
    model = tiny("llama")
    packing = PackedModel(model, backend="varlen")
    packing.remove()
    model.save_pretrained(tmp_path)
    assert "fitwright" not in (tmp_path / "config.json").read_text()
