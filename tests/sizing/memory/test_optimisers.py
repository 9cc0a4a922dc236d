import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.memory.optimisers import needs_of
from fitwright.spec.workload import OPTIMISERS

MATRIX, VECTOR = ((100, 50), 2), ((100,), 3)
PARAMETERS = (MATRIX, VECTOR)
VALUES = 2 * 5000 + 3 * 100


def needs(name, *, value_bytes=4, gpu=True):
    return needs_of(name, PARAMETERS, value_bytes=value_bytes, gpu=gpu)


@pytest.mark.parametrize("value_bytes", [2, 4])
@pytest.mark.parametrize(
    ("name", "moments", "temporary_values"),
    [
        ("adamw-plain", 2, 2 * 5000), ("adamw-foreach", 2, VALUES), ("adamw-fused", 2, 0), ("sgd", 0, 0),
        ("sgd-momentum", 1, 0),
    ],
)  # fmt: skip
def test_moments_in_the_dtype_of_the_weights(name, moments, temporary_values, value_bytes):
    found = needs(name, value_bytes=value_bytes)
    assert found.state_bytes == moments * VALUES * value_bytes
    assert len(found.states) == moments * 5
    assert found.temporary_bytes == temporary_values * value_bytes


def test_torch_chooses_by_device():
    assert needs("adamw", gpu=True) == needs("adamw-foreach")
    assert needs("adamw", gpu=False) == needs("adamw-plain")


def test_eight_bits_a_value_and_a_scale_a_block():
    """5,000 values are 20 blocks of 256; vectors of 100 stay in fp32."""
    assert needs("adamw-8bit").state_bytes == 2 * (2 * (5000 + 20 * 4) + 3 * 100 * 4)


def test_rows_and_columns_instead_of_second_moments():
    assert needs("adafactor").state_bytes == 2 * (100 + 50) * 4 + 3 * 100 * 4
    stacked = needs_of("adafactor", (((6, 100, 50), 1),), value_bytes=2, gpu=True)
    assert stacked.state_bytes == 6 * (100 + 50) * 4


@given(
    shapes=st.lists(
        st.tuples(st.lists(st.integers(1, 4000), min_size=1, max_size=2).map(tuple), st.integers(1, 9)),
        max_size=8,
    )
)
def test_less_is_kept_the_leaner_the_optimiser(shapes):
    kept = {name: needs_of(name, shapes, value_bytes=4, gpu=True).state_bytes for name in OPTIMISERS}
    assert kept["adamw"] == 2 * kept["sgd-momentum"]
    assert kept["sgd"] == 0 <= kept["adamw-8bit"] <= kept["adamw"]
    assert kept["adafactor"] <= 2 * kept["sgd-momentum"]
    assert kept["sgd-momentum"] == 4 * sum(math.prod(shape) * count for shape, count in shapes)


def test_states_that_torch_really_keeps():
    """One real step of torch's own optimisers, the step counters of a few bytes each left out."""
    import torch

    for name, make in (
        ("adamw-plain", lambda p: torch.optim.AdamW(p, foreach=False)), ("sgd", torch.optim.SGD),
        ("sgd-momentum", lambda p: torch.optim.SGD(p, momentum=0.9)),
    ):  # fmt: skip
        weights = [torch.nn.Parameter(torch.ones(s)) for s, count in PARAMETERS for _ in range(count)]
        optimiser = make(weights)
        sum(w.sum() for w in weights).backward()
        optimiser.step()
        kept = [
            t.numel() * t.element_size()
            for state in optimiser.state.values()
            for t in state.values()
            if torch.is_tensor(t) and t.dim()
        ]
        assert sum(kept) == needs(name).state_bytes


def test_an_unknown_optimiser():
    with pytest.raises(UsageError, match="adamw-8bit"):
        needs("lion")
