import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.trace import store
from fitwright.sizing.trace.polynomial import NotAPolynomial, Polynomial
from fitwright.sizing.trace.work import flops, symbolic_flops
from tests.sizing.trace.made import op, per_token

MODELS = ["google-bert/bert-base-uncased", "openai-community/gpt2", "FacebookAI/roberta-base"]


def test_products_by_hand():
    def at(*args, **more):
        return [op(*args, **more).at(1, 1)]

    assert flops(at("matmul", 2, 3, 5, 7, count=4)) == 2 * 2 * 3 * 5 * 7 * 4
    assert flops(at("attention", 2, 4, 1, 8, 16, 32, 1)) == 4 * 2 * 4 * 8 * 16 * 32
    assert flops(at("attention_backward", 2, 4, 1, 8, 16, 32, 0)) == 10 * 2 * 4 * 8 * 16 * 32
    assert flops(at("convolution", 2, 6, 12, 3, 9, 49)) == 2 * 2 * 12 * (6 // 3) * 9 * 49
    assert flops(at("convolution_backward", 2, 6, 12, 3, 9, 49)) == 4 * 2 * 12 * (6 // 3) * 9 * 49
    assert flops(at("softmax", 100, 100)) == 0


@pytest.mark.parametrize("model_id", MODELS)
@pytest.mark.parametrize("key", ["infer-fp32-fused-cpu", "train-fp32-fused-cuda"])
@given(batch=st.integers(1, 64), seq=st.integers(1, 512))
def test_flops_as_a_polynomial_are_the_flops(model_id, key, batch, seq):
    trace = store.shipped(model_id, key)
    assert store.shipped_flops(model_id, key)(batch, seq) == flops(trace.ops_at(batch, seq))


def test_bert_base_by_hand():
    """Twelve layers, the head's transform and the vocabulary: no other products."""
    seq = 128
    layer = 2 * seq * (4 * 768**2 + 2 * 768 * 3072) + 4 * seq**2 * 768
    head = 2 * seq * (768**2 + 768 * 30_522)
    assert store.shipped_flops(MODELS[0], "infer-fp32-fused-cpu")(1, seq) == 12 * layer + head


def test_a_training_step_is_three_forward_passes_less_the_first_inputs():
    forward, step = (store.shipped_flops(MODELS[0], f"{m}-fp32-fused-cpu") for m in ("infer", "train"))
    assert step(8, 64) == pytest.approx(3 * forward(8, 64), rel=0.01)


def test_higher_powers_are_said_to_be():
    cubic = dataclasses.replace(op("matmul", 1, 1, 1, 1), dims=(per_token(1), per_token(1), per_token(1)))
    with pytest.raises(NotAPolynomial):
        symbolic_flops([cubic])
    assert symbolic_flops([]) == Polynomial.constant(0)
