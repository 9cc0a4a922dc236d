from hypothesis import given
from hypothesis import strategies as st

from fitwright.sizing.windows import OVERLAP, plan_windows


def covered(plan):
    """Tokens that the windows see, each window beginning a stride after the one before."""
    stride = plan.length - plan.overlap
    return (plan.count - 1) * stride + plan.length


@given(seq=st.integers(1, 200_000), longest=st.integers(2, 8192))
def test_every_token_is_seen_and_no_window_is_spare(seq, longest):
    plan = plan_windows(seq, longest)
    assert plan.length == longest
    assert abs(plan.overlap - OVERLAP * longest) <= 0.5
    assert covered(plan) >= seq
    if plan.count > 1:
        stride = plan.length - plan.overlap
        assert covered(plan) - stride < seq
    else:
        assert seq <= longest


def test_by_hand():
    """512-token windows share 128: four of them reach 512 + 3 · 384 = 1,664 tokens."""
    assert (plan_windows(512, 512).count, plan_windows(513, 512).count) == (1, 2)
    assert (plan_windows(896, 512).count, plan_windows(897, 512).count) == (2, 3)
    assert plan_windows(1664, 512).count == 4
