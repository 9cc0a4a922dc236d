import dataclasses

import pytest

from fitwright.sizing.trace.expand import check, expand
from fitwright.sizing.trace.polynomial import NotAPolynomial
from tests.sizing.trace.made import stack_of_layers, training_step


def test_a_trace_without_stacks_is_its_events():
    trace = training_step()
    assert [(e.comes, e.slot, e.copy) for e in expand(trace)] == [
        (True, 0, 0), (True, 1, 0), (True, 2, 0), (True, 3, 0), (False, 2, 0), (False, 0, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("extra", [1, 2, 9])
def test_each_copy_lets_the_output_of_the_one_before_go(extra):
    trace = stack_of_layers(extra)
    found = [(e.comes, e.slot, e.copy) for e in expand(trace)]
    assert sum(comes for comes, _, _ in found) == 4 + extra
    live, most = set(), 0
    for comes, slot, copy in found:
        (live.add if comes else live.remove)((slot, copy))
        most = max(most, len(live))
    assert most == 2
    assert live == {(3, 0)}
    check(trace)


def test_a_course_that_cannot_be_is_refused():
    trace = stack_of_layers(2)
    twice = dataclasses.replace(trace, events=(*trace.events, 3))
    with pytest.raises(NotAPolynomial):
        check(twice)
