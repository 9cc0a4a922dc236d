"""A size as a polynomial in batch B and sequence S, and the form of a dimension seen at two points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MONOMIALS = ((0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 0))
"""Exponents (of B, of S) of the coefficients, in order."""

_INDEX = {exponents: index for index, exponents in enumerate(MONOMIALS)}
_LONGEST_OFFSET = 4096


class NotAPolynomial(Exception):
    """A size that has none of the known forms. Caught by the tracer: the trace then holds one point."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """``c0 + c1·B + c2·S + c3·B·S + c4·S² + c5·B·S² + c6·B²`` with exact rational coefficients."""

    coefficients: tuple[int | Fraction, ...]

    @classmethod
    def constant(cls, value: int | Fraction) -> Polynomial:
        return cls.monomial(value, 0, 0)

    @classmethod
    def monomial(cls, factor: int | Fraction, of_batch: int, of_seq: int) -> Polynomial:
        """``factor · B^of_batch · S^of_seq``."""
        found: list[int | Fraction] = [0] * len(MONOMIALS)
        found[_INDEX[of_batch, of_seq]] = factor
        return cls(tuple(found))

    def __add__(self, other: Polynomial) -> Polynomial:
        pairs = zip(self.coefficients, other.coefficients, strict=True)
        return Polynomial(tuple(a + b for a, b in pairs))

    def __mul__(self, other: Polynomial) -> Polynomial:
        found: list[int | Fraction] = [0] * len(MONOMIALS)
        for (b1, s1), c1 in zip(MONOMIALS, self.coefficients, strict=True):
            for (b2, s2), c2 in zip(MONOMIALS, other.coefficients, strict=True):
                if c1 and c2:
                    place = _INDEX.get((b1 + b2, s1 + s2))
                    if place is None:
                        raise NotAPolynomial(f"B^{b1 + b2}·S^{s1 + s2}")
                    found[place] += c1 * c2
        return Polynomial(tuple(found))

    def __call__(self, batch: int, seq: int) -> int:
        """The value, rounded to a whole number (exact where the coefficients are whole)."""
        return evaluate([self], batch, seq)[0]

    def plain(self) -> list[int | str]:
        """Coefficients for JSON without trailing zeros; a fraction as ``"3/2"``."""
        found: list[int | str] = [int(c) if c == int(c) else str(c) for c in self.coefficients]
        while found and found[-1] == 0:
            found.pop()
        return found

    @classmethod
    def from_plain(cls, found: list[int | str]) -> Polynomial:
        """The inverse of :meth:`plain`."""
        read = tuple(Fraction(c) if isinstance(c, str) else c for c in found)
        return cls(read + (0,) * (len(MONOMIALS) - len(read)))


def evaluate(polynomials: Sequence[Polynomial], batch: int, seq: int) -> list[int]:
    """The values of all ``polynomials``, whole numbers."""
    powers = [batch**b * seq**s for b, s in MONOMIALS]
    return [
        round(sum(c * power for c, power in zip(p.coefficients, powers, strict=True) if c))
        for p in polynomials
    ]


Point = tuple[int, int]
"""(batch, sequence)."""


def form_of(values: tuple[int, int], points: tuple[Point, Point]) -> Polynomial:
    """The form of one dimension that was ``values`` at the two ``points``.

    Tried in order: constant, a·B, a·S, a·B·S, a·S², a·B·S², a·B²; then a·S + c and B·(a·S + c), of which the
    one with the smaller a is taken. The points are chosen so that no two of these with a small a fit both.

    Raises:
        NotAPolynomial: none fits.
    """
    if values[0] == values[1]:
        return Polynomial.constant(values[0])
    for of_batch, of_seq in MONOMIALS[1:]:
        ratios = {
            Fraction(value, batch**of_batch * seq**of_seq)
            for value, (batch, seq) in zip(values, points, strict=True)
        }
        if len(ratios) == 1 and (ratio := ratios.pop()).denominator <= 2:
            return Polynomial.monomial(ratio, of_batch, of_seq)
    offset = [found for of_batch in (0, 1) if (found := _with_offset(values, points, of_batch)) is not None]
    if not offset:
        raise NotAPolynomial(f"{values} at {points}")
    return min(offset, key=lambda found: found[0])[1]  # B·(S + 32) is likelier than 18·S - 384


def _with_offset(
    values: tuple[int, int], points: tuple[Point, Point], of_batch: int
) -> tuple[Fraction, Polynomial] | None:
    """(a, ``B^of_batch · (a·S + c)``) with a whole a and a small whole c."""
    (batch_1, seq_1), (batch_2, seq_2) = points
    first = Fraction(values[0], batch_1**of_batch)
    second = Fraction(values[1], batch_2**of_batch)
    slope = (second - first) / (seq_2 - seq_1)
    offset = first - slope * seq_1
    if slope.denominator != 1 or offset.denominator != 1 or slope <= 0 or abs(offset) > _LONGEST_OFFSET:
        return None
    return slope, Polynomial.monomial(slope, of_batch, 1) + Polynomial.monomial(offset, of_batch, 0)
