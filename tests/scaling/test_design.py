"""Shapes, families, rules and the grid of a ladder."""

from __future__ import annotations

import pytest

from fitwright.core.errors import UsageError
from fitwright.scaling.design.families import FAMILIES, family_of
from fitwright.scaling.design.grid import BEYOND, Price, check_blocks, choose_shapes, points_of, tokens_within
from fitwright.scaling.design.plan import TARGET
from fitwright.scaling.design.rules import batch_blocks, learning_rate
from fitwright.scaling.design.shapes import Shape, parse_shapes, usual_shape
from fitwright.sizing.building import build

VOCABULARY, BLOCK = 1024, 128


@pytest.mark.parametrize("name", FAMILIES)
def test_the_formula_counts_what_the_class_has(name: str) -> None:
    family = family_of(name)
    for shape in (*parse_shapes("classic"), Shape(width=96, heads=3, layers=2)):
        built = build(family.config(shape, VOCABULARY, BLOCK), name)
        assert built.architecture == family.architecture
        assert family.total(shape, VOCABULARY, BLOCK) == built.parameters
        assert built.embedding == VOCABULARY * shape.width
        assert built.tied


def test_flops_are_six_for_each_parameter_that_a_token_meets_and_attention() -> None:
    shape = Shape(width=512, heads=8, layers=6)
    for name, family in FAMILIES.items():
        found = family.flops_per_token(shape, VOCABULARY, BLOCK)
        attention = 12 * shape.layers * BLOCK * shape.width
        assert found == pytest.approx(6 * family.total(shape, VOCABULARY, BLOCK) + attention, rel=0.04), name


def test_shapes_as_people_write_them() -> None:
    assert [s.name for s in parse_shapes("512/8/6, 1024/16/12")] == ["512/8/6", "1024/16/12"]
    assert [s.name for s in parse_shapes("512,1024")] == ["512/8/6", "1024/16/12"]  # the rule meets the pair
    assert [s.name for s in parse_shapes("classic")][-2:] == ["512/8/6", "1024/16/12"]
    for wrong in ("512/7/6", "512/8", "big", "64,64/2/2", "0"):
        with pytest.raises(UsageError):
            parse_shapes(wrong)


def test_rules_halve_the_rate_at_twice_the_width_and_keep_steps_enough() -> None:
    assert learning_rate(256) == pytest.approx(learning_rate(128) / 2)
    assert [batch_blocks(tokens, 128, 10**6) for tokens in (1e5, 1e6, 1e7)] == [2, 4, 8]
    assert batch_blocks(1e9, 128, 10**7) == 128
    assert batch_blocks(1e8, 128, 100) == 8  # eight steps an epoch at least


def flops(shape: Shape) -> float:
    return family_of("gpt2").flops_per_token(shape, VOCABULARY, BLOCK)


def test_the_largest_run_lies_four_times_beyond_all_others_and_ratios_vary() -> None:
    points = points_of(parse_shapes("tiny"), flops)
    compute = [flops(p.shape) * p.share * p.epochs for p in points]
    assert [p.role for p in points].count(TARGET) == 1
    assert points[0].role == TARGET
    assert compute[0] / max(compute[1:]) >= BEYOND * 0.999
    ratios = [p.share * p.epochs / family_of("gpt2").total(p.shape, VOCABULARY, BLOCK) for p in points]
    assert max(ratios) / min(ratios) >= 8
    largest = [(p.share, p.epochs) for p in points if p.shape == points[0].shape]
    assert {(1 / 64, 16), (1 / 16, 4), (1 / 4, 1)} <= set(largest)  # the same tokens, more and more repeated


def test_cells_cost_what_the_budget_has() -> None:
    points = points_of(parse_shapes("tiny"), flops)
    price = {p.shape: Price(per_token=flops(p.shape), per_epoch=1e9) for p in points}
    tokens = tokens_within(points, 4e13, price.__getitem__)
    spent = sum(
        price[p.shape].per_token * p.share * p.epochs * tokens + price[p.shape].per_epoch * p.epochs
        for p in points
    )
    assert spent == pytest.approx(4e13)
    with pytest.raises(UsageError, match="budget is too small"):
        tokens_within(points, 1e10, price.__getitem__)


def test_more_budget_chooses_larger_shapes_as_far_as_the_corpus_feeds_them() -> None:
    def chosen(budget: float, corpus: float) -> int:
        found = choose_shapes(
            budget, lambda s: Price(per_token=flops(s)), flops,
            lambda s: family_of("gpt2").total(s, VOCABULARY, BLOCK), corpus,
        )  # fmt: skip
        return max(shape.width for shape in found)

    small, large = chosen(1e13, 1e9), chosen(1e17, 1e12)
    assert small < large
    assert chosen(1e14, 1e6) > chosen(1e14, 1e9)  # too little text for small ones to spend so much on
    assert usual_shape(64).name == "64/2/2"
    with pytest.raises(UsageError, match="too few tokens for a ladder"):
        check_blocks(1e9, 128, 1e5)
