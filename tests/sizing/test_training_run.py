"""Training runs, against figures that were published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitwright.core.errors import UsageError
from fitwright.sizing.training_run import TrainingRun, cost, judge, megatron_flops, rule_flops

GPT3 = TrainingRun(parameters=175e9, tokens=300e9, devices=1024, achieved_flops=140e12, recomputed=True)
TRILLION = TrainingRun(parameters=1e12, tokens=450e9, devices=3072, achieved_flops=163e12, recomputed=True)
SHAPE = {"layers": 96, "hidden": 12288, "seq": 2048, "vocabulary": 51200}


def test_the_rule_of_six_gives_the_flops_of_the_gpt3_paper() -> None:
    """174.6 billion parameters, 300 billion tokens, 3.14e23 FLOPs (arXiv:2005.14165, table D.1)."""
    assert rule_flops(174.6e9, 300e9) == pytest.approx(3.14e23, rel=0.002)


def test_gpt3_takes_34_days_on_1024_a100() -> None:
    """Megatron's own figure (arXiv:2104.04473, section 5.1)."""
    assert cost(GPT3).days == pytest.approx(34, rel=0.01)


def test_a_trillion_parameters_take_84_days_on_3072_a100() -> None:
    assert cost(TRILLION).days == pytest.approx(84, rel=0.02)


def test_the_formula_with_the_shape_agrees_with_the_rule() -> None:
    """Equation 3 with attention and logits: 2 to 3 % above 8TP at 2,048 tokens."""
    shaped = TrainingRun(
        parameters=175e9, tokens=300e9, devices=1024, achieved_flops=140e12, recomputed=True, **SHAPE
    )
    assert cost(shaped).flops.value / cost(GPT3).flops.value == pytest.approx(1.024, abs=0.003)
    assert cost(shaped).days == pytest.approx(34, rel=0.025)
    with_recomputation = megatron_flops(**SHAPE, tokens=1, recomputed=True)
    assert with_recomputation == pytest.approx(96 * 96 * 12288**2 * (1 + 2048 / 73728 + 51200 / 18874368))
    assert megatron_flops(**SHAPE, tokens=1) == pytest.approx(with_recomputation * 72 / 96)


def test_3072_a100_for_34_days_is_judged_wrong_for_gpt3() -> None:
    verdict = judge(GPT3, devices=3072, days=34)
    assert not verdict.consistent
    assert verdict.factor == pytest.approx(3.0, rel=0.01)
    assert verdict.expected_days == pytest.approx(11.3, abs=0.1)
    assert verdict.expected_devices == pytest.approx(1024, rel=0.01)
    assert verdict.implied_flops == pytest.approx(140e12 / 3, rel=0.01)
    assert verdict.reason == (
        "3,072 devices for 34 days are 3 times what 175.0B parameters × 300.0B tokens need: "
        "3,072 devices need about 11.3 days, or 34 days about 1,021 devices."
    )


def test_true_claims_are_called_so() -> None:
    verdict = judge(GPT3, devices=1024, days=34)
    assert verdict.consistent
    assert verdict.reason.startswith("1,024 devices for 34 days agree with 175.0B parameters × 300.0B tokens")
    assert judge(TRILLION, devices=3072, days=84).consistent


def test_too_small_a_claim_is_wrong_too() -> None:
    verdict = judge(GPT3, devices=256, days=34)
    assert not verdict.consistent
    assert verdict.factor == pytest.approx(0.25, rel=0.01)
    assert "0.25 of what" in verdict.reason


def test_an_assumed_utilisation_widens_the_interval_and_is_said() -> None:
    run = TrainingRun(parameters=1e9, tokens=20e9, devices=8, peak_flops=312e12)
    found = cost(run)
    assert found.duration.value == pytest.approx(6 * 1e9 * 20e9 / (8 * 312e12 * 0.40))
    assert found.duration.high == pytest.approx(found.duration.value * 0.40 / 0.25 * 1.10)
    assert found.duration.low == pytest.approx(found.duration.value * 0.40 / 0.55)
    assert "40% of the peak assumed, from 25% to 55%" in found.assumptions
    said = cost(TrainingRun(parameters=1e9, tokens=20e9, devices=8, peak_flops=312e12, utilisation=0.4))
    assert said.duration.value == pytest.approx(found.duration.value)
    assert said.duration.low == pytest.approx(said.duration.value)
    assert said.assumptions == ("6 FLOPs per parameter and token; attention left out",)


def test_a_wide_assumption_does_not_call_a_possible_claim_wrong() -> None:
    run = TrainingRun(parameters=175e9, tokens=300e9, devices=1024, peak_flops=312e12, recomputed=True)
    assert judge(run, devices=1024, days=34).consistent
    assert not judge(run, devices=3072, days=34).consistent


def test_energy_and_money() -> None:
    """1e21 FLOPs at 1e15 a second: 1e6 device-seconds, 277.8 hours; 400 W at PUE 1.2: 133.3 kWh."""
    run = TrainingRun(
        parameters=1e9, tokens=1e21 / 6e9, devices=10, achieved_flops=1e15, power_w=400, pue=1.2,
        usd_per_device_hour=2.5, usd_per_kwh=0.15,
    )  # fmt: skip
    found = cost(run)
    assert found.device_hours == pytest.approx(277.78, abs=0.01)
    assert found.days == pytest.approx(1e5 / 86400)
    assert found.energy is not None
    assert found.energy.value == pytest.approx(4.8e8)
    assert found.energy.unit == "J"
    assert found.energy_kwh == pytest.approx(133.33, abs=0.01)
    assert found.device_price is not None
    assert found.device_price.value == pytest.approx(694.44, abs=0.01)
    assert found.energy_price is not None
    assert found.energy_price.value == pytest.approx(20.0)


def test_what_was_not_said_is_null() -> None:
    data = cost(GPT3).as_json()
    assert data["energy"] is data["device_price"] is data["energy_price"] is data["energy_kwh"] is None
    assert data["days"] == pytest.approx(33.9, abs=0.1)
    assert data["device_hours"] == pytest.approx(data["device_time"]["value"] / 3600)


@given(tokens=st.floats(1e6, 1e13), devices=st.integers(1, 10_000), more=st.floats(1.1, 50))
def test_time_is_work_over_speed(tokens: float, devices: int, more: float) -> None:
    def days(tokens: float, devices: int) -> float:
        return cost(TrainingRun(parameters=1e9, tokens=tokens, devices=devices, achieved_flops=1e14)).days

    assert days(tokens * more, devices) == pytest.approx(more * days(tokens, devices))
    assert days(tokens, 2 * devices) == pytest.approx(days(tokens, devices) / 2)
    run = TrainingRun(parameters=1e9, tokens=tokens, devices=devices, achieved_flops=1e14)
    assert judge(run, devices=devices, days=days(tokens, devices)).consistent
    assert judge(run, devices=devices, days=days(tokens, devices) * 1.2).consistent is False


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 0}, "tokens must be positive; got 0"),
        ({"parameters": float("nan")}, "parameters must be positive"),
        ({"devices": -8}, "devices must be positive; got -8"),
        ({"achieved_flops": None}, "the speed of a device is needed once"),
        ({"peak_flops": 312e12}, "the speed of a device is needed once"),
        ({"achieved_flops": None, "peak_flops": 1e14, "utilisation": 40}, "utilisation is a share; got 40"),
        ({"utilisation": 0.4}, "utilisation belongs to peak_flops"),
        ({"layers": 96}, "layers, hidden, seq and vocabulary belong together"),
        ({"pue": 0.9}, "pue must be at least 1"),
        ({"usd_per_kwh": 0.1}, "a price per kWh needs power_w"),
    ],
)
def test_contradictions_are_named(change: dict[str, float | None], message: str) -> None:
    given = {"parameters": 1e9, "tokens": 1e9, "devices": 8, "achieved_flops": 1e14}
    with pytest.raises(UsageError, match=message):
        TrainingRun(**{**given, **change})  # type: ignore[arg-type]


def test_a_claim_of_nothing_is_an_error() -> None:
    with pytest.raises(UsageError, match="devices and days of a claim"):
        judge(GPT3, devices=0, days=34)
