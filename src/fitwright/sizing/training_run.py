"""What a long training run costs in FLOPs, days, energy and money, and whether a claim can be true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from fitwright.core.errors import UsageError
from fitwright.core.units import format_count
from fitwright.spec.quantity import Quantity, Unit

ASSUMED_UTILISATION = (0.25, 0.40, 0.55)
"""Share of the peak that large runs reach when nobody says: lowest, usual, highest. Reported: Megatron-LM 44
to 52 % (A100, arXiv:2104.04473, table 1), PaLM 46 % (TPU v4, arXiv:2204.02311, table 3), Llama 3 38 to 43 %
(H100, arXiv:2407.21783, table 4)."""
TOLERANCE = 1.15
"""A claim within this factor of what is expected is consistent with it."""
_DAY_S, _HOUR_S, _J_PER_KWH = 86_400, 3_600, 3.6e6
_RULE_ERROR, _FORMULA_ERROR = 1.10, 1.02
_POSITIVE = (
    "parameters", "tokens", "devices", "achieved_flops", "peak_flops", "utilisation", "layers", "hidden",
    "seq", "vocabulary", "power_w", "usd_per_device_hour", "usd_per_kwh",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """A run to be priced.

    Attributes:
        parameters: of the model; of a mixture of experts those active for a token.
        tokens: seen in the whole run.
        devices: how many.
        achieved_flops: FLOP/s that one device really does, recomputation included; or else
        peak_flops: FLOP/s of one device's data sheet at the run's precision, with
        utilisation: the share of it that is reached; left out, :data:`ASSUMED_UTILISATION` widens the
            interval.
        recomputed: activations are recomputed in the backward pass (full checkpointing): a third more FLOPs.
        layers, hidden, seq, vocabulary: all or none; with them Megatron's formula counts attention and
            logits.
        power_w: of one device under load, or of its share of the server.
        pue: what the building draws for each watt of the devices; 1: the devices alone.
        usd_per_device_hour, usd_per_kwh: prices.
    """

    parameters: float
    tokens: float
    devices: int
    achieved_flops: float | None = None
    peak_flops: float | None = None
    utilisation: float | None = None
    recomputed: bool = False
    layers: int | None = None
    hidden: int | None = None
    seq: int | None = None
    vocabulary: int | None = None
    power_w: float | None = None
    pue: float = 1.0
    usd_per_device_hour: float | None = None
    usd_per_kwh: float | None = None

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError(f"{name} must be positive", got=value)
        if not self.pue >= 1:
            raise UsageError("pue must be at least 1", got=self.pue)
        if self.utilisation is not None and self.utilisation > 1:
            raise UsageError("utilisation is a share", got=self.utilisation, allowed="above 0, at most 1")
        if (self.achieved_flops is None) == (self.peak_flops is None):
            given = {"achieved_flops": self.achieved_flops, "peak_flops": self.peak_flops}
            raise UsageError("the speed of a device is needed once", got=given, allowed="one of the two")
        if self.achieved_flops is not None and self.utilisation is not None:
            raise UsageError("utilisation belongs to peak_flops", got=self.utilisation, mend="Leave it out.")
        shape = (self.layers, self.hidden, self.seq, self.vocabulary)
        if None in shape and shape != (None,) * 4:
            raise UsageError("layers, hidden, seq and vocabulary belong together", got=shape)
        if self.usd_per_kwh is not None and self.power_w is None:
            raise UsageError("a price per kWh needs power_w", got=self.usd_per_kwh)


@dataclass(frozen=True, kw_only=True)
class RunCost:
    """What the run takes; ``None`` where nothing was said to price it with.

    Attributes:
        flops: done by the devices, recomputation included.
        duration: seconds from start to end, without failures and restarts.
        device_time: seconds of all devices together.
        energy: joules, times the PUE.
        device_price, energy_price: USD.
        assumptions: what was assumed.
    """

    flops: Quantity
    duration: Quantity
    device_time: Quantity
    energy: Quantity | None
    device_price: Quantity | None
    energy_price: Quantity | None
    assumptions: tuple[str, ...]

    @property
    def days(self) -> float:
        """Days from start to end."""
        return self.duration.value / _DAY_S

    @property
    def device_hours(self) -> float:
        """Hours of all devices together."""
        return self.device_time.value / _HOUR_S

    @property
    def energy_kwh(self) -> float | None:
        """Energy as electricity is sold."""
        return None if self.energy is None else self.energy.value / _J_PER_KWH

    def as_json(self) -> dict[str, Any]:
        """Quantities in SI, and days, device-hours and kWh beside them."""
        names = ("flops", "duration", "device_time", "energy", "device_price", "energy_price")
        parts: dict[str, Quantity | None] = {name: getattr(self, name) for name in names}
        return {
            **{name: None if part is None else part.as_json() for name, part in parts.items()},
            "days": self.days,
            "device_hours": self.device_hours,
            "energy_kwh": self.energy_kwh,
            "assumptions": list(self.assumptions),
        }


class Verdict(NamedTuple):
    """Whether a claim of so many devices for so many days can be true.

    ``factor``: claimed device-days over expected ones. ``expected_days``: with the claimed devices;
    ``expected_devices``: for the claimed days. ``implied_flops``: FLOP/s of one device if the claim were
    true.
    """

    consistent: bool
    factor: float
    expected_days: float
    expected_devices: float
    implied_flops: float
    reason: str


def rule_flops(parameters: float, tokens: float, *, recomputed: bool = False) -> float:
    """Training FLOPs by the rule of six per parameter and token; eight with recomputation.

    Source: Kaplan et al. 2020 (https://arxiv.org/abs/2001.08361), section 2.1. Known error: attention's own
    products, about s/(6h) of the whole, are left out.
    """
    return (8 if recomputed else 6) * parameters * tokens


def megatron_flops(
    *, layers: int, hidden: int, seq: int, vocabulary: int, tokens: float, recomputed: bool = False
) -> float:
    """Training FLOPs of a GPT: 72·l·h²·(1 + s/(6h) + V/(16·l·h)) per token; 96 with recomputation.

    Source: Narayanan et al. 2021 (https://arxiv.org/abs/2104.04473), equation 3. Known error: written for a
    feed-forward four times as wide; the causal half of attention is counted; with 72 in front, the term of
    the logits, which nobody recomputes, is a quarter too small (under 1 % of the whole from a billion
    parameters on).
    """
    per_token = layers * hidden**2 * (1 + seq / (6 * hidden) + vocabulary / (16 * layers * hidden))
    return (96 if recomputed else 72) * per_token * tokens


def cost(run: TrainingRun) -> RunCost:
    """FLOPs, time, energy and money of a run.

    time = FLOPs / (devices × FLOP/s of one). With recomputation and the rule of eight that is Megatron's
    8TP/(nX) (https://arxiv.org/abs/2104.04473, equation 4), which gives 34 days for GPT-3: 175 billion
    parameters, 300 billion tokens, 1,024 A100 at 140 TFLOP/s.

    Known error: no failures, restarts or evaluation. The interval holds the error of the FLOPs, and the range
    of the utilisation where that is assumed.
    """
    assumptions: list[str] = []
    flops, error = _flops(run, assumptions)
    slowest, usual, fastest = _speeds(run, assumptions)
    device_time = Quantity.estimated(
        flops / usual, "s", low=flops / fastest, high=flops * error / slowest, note="of all devices together"
    )
    energy = device_price = energy_price = None
    if run.power_w is not None:
        energy = _scaled(
            device_time, run.power_w * run.pue, "J", f"{run.power_w:g} W a device, PUE {run.pue:g}"
        )
        if run.usd_per_kwh is not None:
            energy_price = _scaled(energy, run.usd_per_kwh / _J_PER_KWH, "USD", "energy")
    if run.usd_per_device_hour is not None:
        device_price = _scaled(device_time, run.usd_per_device_hour / _HOUR_S, "USD", "devices")
    return RunCost(
        flops=Quantity.estimated(flops, "FLOP", low=flops, high=flops * error, note="recomputation included"),
        duration=_scaled(device_time, 1 / run.devices, "s", f"on {run.devices:,} devices, without failures"),
        device_time=device_time,
        energy=energy,
        device_price=device_price,
        energy_price=energy_price,
        assumptions=tuple(assumptions),
    )


def judge(run: TrainingRun, *, devices: int, days: float) -> Verdict:
    """Whether ``devices`` for ``days`` agree with what the run needs; the devices of ``run`` itself play no
    part.

    A claim is consistent when its device-days lie in the expected interval, or within :data:`TOLERANCE` of
    its value.

    Raises:
        UsageError: devices or days not positive.
    """
    if not (devices > 0 and days > 0):
        raise UsageError("devices and days of a claim must be positive", got=(devices, days))
    found = cost(run)
    needed, claimed_s = found.device_time, devices * days * _DAY_S
    factor = claimed_s / needed.value
    within = (needed.low or 0.0) <= claimed_s <= (needed.high or 0.0)
    consistent = within or 1 / TOLERANCE <= factor <= TOLERANCE
    expected_days = needed.value / devices / _DAY_S
    expected_devices = needed.value / (days * _DAY_S)
    work = f"{format_count(run.parameters)} parameters × {format_count(run.tokens)} tokens"
    claim = f"{devices:,} devices for {days:g} days"
    size = f"{factor:.2g} times" if factor >= 1 else f"{factor:.2g} of"
    reason = (
        f"{claim} agree with {work}: about {expected_days:.3g} days are expected."
        if consistent
        else f"{claim} are {size} what {work} need: {devices:,} devices need about {expected_days:.3g} days, "
        f"or {days:g} days about {expected_devices:,.0f} devices."
    )
    return Verdict(consistent, factor, expected_days, expected_devices, found.flops.value / claimed_s, reason)


def _flops(run: TrainingRun, assumptions: list[str]) -> tuple[float, float]:
    """FLOPs, and the factor by which there may be more."""
    if run.layers and run.hidden and run.seq and run.vocabulary:
        found = megatron_flops(
            layers=run.layers, hidden=run.hidden, seq=run.seq, vocabulary=run.vocabulary, tokens=run.tokens,
            recomputed=run.recomputed,
        )  # fmt: skip
        return found, _FORMULA_ERROR
    assumptions.append(f"{8 if run.recomputed else 6} FLOPs per parameter and token; attention left out")
    return rule_flops(run.parameters, run.tokens, recomputed=run.recomputed), _RULE_ERROR


def _speeds(run: TrainingRun, assumptions: list[str]) -> tuple[float, float, float]:
    """FLOP/s of one device: lowest, usual, highest."""
    if run.achieved_flops is not None:
        return (run.achieved_flops,) * 3
    peak_flops = run.peak_flops or 0.0
    if run.utilisation is not None:
        return (peak_flops * run.utilisation,) * 3
    lowest, usual, highest = ASSUMED_UTILISATION
    assumptions.append(f"{usual:.0%} of the peak assumed, from {lowest:.0%} to {highest:.0%}")
    return peak_flops * lowest, peak_flops * usual, peak_flops * highest


def _scaled(quantity: Quantity, factor: float, unit: Unit, note: str) -> Quantity:
    low, high = quantity.low or 0.0, quantity.high or 0.0
    return Quantity.estimated(quantity.value * factor, unit, low=low * factor, high=high * factor, note=note)
