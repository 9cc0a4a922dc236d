import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.trace.polynomial import MONOMIALS, NotAPolynomial, Polynomial, evaluate, form_of
from fitwright.sizing.tracing.interface import BATCHES, BLOCK, SEQUENCES

POINTS = ((BATCHES[0], SEQUENCES[0]), (BATCHES[1], SEQUENCES[1]))
AT_BLOCKS = ((BATCHES[0], 2 * BLOCK), (BATCHES[1], 3 * BLOCK))
"""The points that models are traced at."""

coefficients = st.lists(
    st.one_of(st.integers(-1000, 10**9), st.fractions(-9, 9, max_denominator=2)), min_size=7, max_size=7
)
polynomials = coefficients.map(lambda found: Polynomial(tuple(found)))
batches, sequences = st.integers(1, 512), st.integers(1, 8192)


def value_of(polynomial, batch, seq):
    return sum(c * batch**b * seq**s for c, (b, s) in zip(polynomial.coefficients, MONOMIALS, strict=True))


@given(polynomials, batches, sequences)
def test_a_polynomial_is_the_sum_of_its_terms(polynomial, batch, seq):
    assert polynomial(batch, seq) == round(value_of(polynomial, batch, seq))
    assert evaluate([polynomial, polynomial], batch, seq) == [polynomial(batch, seq)] * 2


@given(polynomials, polynomials, batches, sequences)
def test_sums_of_polynomials_are_polynomials_of_sums(one, other, batch, seq):
    assert value_of(one + other, batch, seq) == value_of(one, batch, seq) + value_of(other, batch, seq)


@given(polynomials, st.integers(1, 99), st.integers(0, 1), st.integers(0, 1), batches, sequences)
def test_products_multiply_or_say_that_they_cannot(one, factor, of_batch, of_seq, batch, seq):
    other = Polynomial.monomial(factor, of_batch, of_seq)
    highest = any(
        c and (b + of_batch, s + of_seq) not in MONOMIALS
        for c, (b, s) in zip(one.coefficients, MONOMIALS, strict=True)
    )
    if highest:
        with pytest.raises(NotAPolynomial):
            one * other
    else:
        assert value_of(one * other, batch, seq) == value_of(one, batch, seq) * value_of(other, batch, seq)


@given(polynomials)
def test_plain_json_and_back(polynomial):
    assert Polynomial.from_plain(json.loads(json.dumps(polynomial.plain()))) == polynomial


@pytest.mark.parametrize("points", [POINTS, AT_BLOCKS])
@given(factor=st.integers(1, 10**6), exponents=st.sampled_from(MONOMIALS), batch=batches, seq=sequences)
def test_a_dimension_seen_twice_is_known_everywhere(points, factor, exponents, batch, seq):
    form = Polynomial.monomial(factor, *exponents)
    found = form_of((form(*points[0]), form(*points[1])), points)
    assert found(batch, seq) == form(batch, seq)


@pytest.mark.parametrize("points", [POINTS, AT_BLOCKS])
@given(
    slope=st.integers(1, 3), of_batch=st.integers(0, 1), offset=st.integers(-31, 1024), batch=batches,
    seq=sequences,
)  # fmt: skip
def test_tokens_before_the_text_are_not_taken_for_rows(points, slope, of_batch, offset, batch, seq):
    """S + 16 at batches 3 and 5 of 32 and 64 tokens was taken for 16·B; B·(S + 32) for 18·S - 384."""
    one = Polynomial.monomial(slope, of_batch, 1) + Polynomial.monomial(offset, of_batch, 0)
    found = form_of((one(*points[0]), one(*points[1])), points)
    assert found(batch, seq) == one(batch, seq)


@pytest.mark.parametrize("values", [(7, 12345), (97, 96), (3 * 32 * 32 + 1, 8 * 64 * 64 + 2)])
def test_what_has_no_form_is_refused(values):
    with pytest.raises(NotAPolynomial):
        form_of(values, POINTS)


def test_half_a_sequence_stays_exact():
    found = form_of((48, 96), POINTS)
    assert found.coefficients[2] == Fraction(3, 2)
    assert found(1, 128) == 192
