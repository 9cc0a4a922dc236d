from hypothesis import given
from hypothesis import strategies as st

from fitwright.selection.pareto import front

POINTS = st.lists(
    st.tuples(st.integers(0, 6).map(float), st.integers(1, 6).map(float)), min_size=1, max_size=12
).map(lambda pairs: [(place, quality, cost) for place, (quality, cost) in enumerate(pairs)])


def beats(one, other, sign):
    better, cheaper = sign * (one[1] - other[1]), other[2] - one[2]
    return better >= 0 and cheaper >= 0 and (better > 0 or cheaper > 0)


@given(POINTS, st.booleans())
def test_the_front_is_what_no_other_beats_and_every_other_is_beaten_by_it(points, higher):
    sign = 1 if higher else -1
    on_front, rest = front(points, higher_is_better=higher)
    assert sorted([*on_front, *rest]) == [place for place, _, _ in points]
    for point in points:
        beaten = any(beats(other, point, sign) for other in points)
        assert (point[0] in rest) is beaten
    for place in rest:
        assert any(beats(points[other], points[place], sign) for other in on_front)


@given(POINTS)
def test_best_quality_comes_first(points):
    on_front, _ = front(points)
    qualities = [points[place][1] for place in on_front]
    assert qualities == sorted(qualities, reverse=True)
    costs = [points[place][2] for place in on_front]
    assert costs == sorted(costs, reverse=True)


def test_equals_in_both_stand_on_the_front_together():
    assert front([("a", 80.0, 1.0), ("b", 80.0, 1.0), ("c", 80.0, 2.0)]) == (["a", "b"], ["c"])
