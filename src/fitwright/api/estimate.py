"""``fitwright.estimate``: what one model needs on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitwright.sizing.comparison import Row
    from fitwright.sizing.run_plan import RunPlan


def estimate(
    model: str,
    *,
    device: str | None = None,
    mode: str = "infer",
    batch: int = 1,
    seq: int | None = None,
    precision: str = "fp32",
    casting: str | None = None,
    attention: str = "fused",
    optimiser: str = "adamw",
    checkpointing: bool = False,
    accumulation: int = 1,
    lora_rank: int | None = None,
    tokens: float | None = None,
    devices: int = 1,
    utilisation: float | None = None,
    price_per_hour: float | None = None,
    price_per_kwh: float | None = None,
    pue: float = 1.0,
    claim_days: float | None = None,
) -> Row:
    """Parameters, FLOPs, memory, latency, verdict and what would lower the memory of one model.

    Args:
        model: catalogue id, alias or short name, a ``config.json``, a model directory, or a Hub id.
        device: ``cpu`` or ``None`` (this machine), ``cuda:N``, ``auto``, or a listed device.
        mode: ``infer`` (one forward pass) or ``train`` (one optimiser step).
        batch: rows; in training of one optimiser step.
        seq: tokens a row; ``None``: 128, or the model's maximum where that is less.
        precision: ``fp32``, ``tf32``, ``bf16``, ``fp16``, ``int8`` or ``int4``.
        casting: ``autocast`` or ``pure``; ``None``: pure for inference, autocast for training.
        attention: ``fused`` or ``eager``. checkpointing: compute layers anew in the backward pass.
        optimiser: ``adamw``, ``adamw-plain``, ``adamw-foreach``, ``adamw-fused``, ``adamw-8bit``,
            ``adafactor``, ``sgd`` or ``sgd-momentum``.
        accumulation: parts that the batch is split into. lora_rank: train adapters of this rank alone.
        tokens: of a whole training run, which is then priced in time, energy and money.
        devices: of the run. utilisation: share of their peak; assumed unless given. pue: of the building.
        price_per_hour: USD an hour of one device. price_per_kwh: USD.
        claim_days: somebody's claim of the run's days on ``devices``, to be judged.

    Returns:
        A row with ``spec``, ``record``, ``verdict``, ``largest_batch``, ``suggestions`` and ``as_json()``.

    Raises:
        UnknownModelError, UsageError: a name, the device or the workload is wrong.
    """
    from fitwright.sizing.comparison import sized
    from fitwright.sizing.devices import find as find_device
    from fitwright.sizing.lengths import USUAL_SEQ
    from fitwright.sizing.models import find
    from fitwright.spec.workload import Workload

    plan = _plan(mode, tokens, claim_days, devices, utilisation, price_per_hour, price_per_kwh, pue)
    workload = Workload(
        mode=mode, batch=batch, seq=USUAL_SEQ if seq is None else seq, precision=precision,  # type: ignore[arg-type]
        casting=casting, attention=attention, optimiser=optimiser,  # type: ignore[arg-type]
        checkpointing=checkpointing, accumulation=accumulation, lora_rank=lora_rank,
    )  # fmt: skip
    return sized(model, find(model), workload, find_device(device), plan, seq_given=seq is not None)


def _plan(
    mode: str, tokens: float | None, claim_days: float | None, devices: int, utilisation: float | None,
    price_per_hour: float | None, price_per_kwh: float | None, pue: float,
) -> RunPlan | None:  # fmt: skip
    from fitwright.core.errors import UsageError
    from fitwright.sizing.run_plan import RunPlan

    if tokens is None:
        given = {
            "devices": devices != 1, "utilisation": utilisation is not None,
            "price-per-hour": price_per_hour is not None, "price-per-kwh": price_per_kwh is not None,
            "pue": pue != 1.0, "claim-days": claim_days is not None,
        }  # fmt: skip
        for name, is_given in given.items():
            if is_given:
                raise UsageError(
                    f"{name} is about a training run, of which the tokens are missing",
                    got=name,
                    mend="Give --tokens.",
                )
        return None
    if mode != "train":
        raise UsageError(
            "tokens of a run belong to training, the mode is infer", got=tokens, mend="Give --mode train."
        )
    return RunPlan(
        tokens=tokens,
        devices=devices,
        utilisation=utilisation,
        usd_per_device_hour=price_per_hour,
        usd_per_kwh=price_per_kwh,
        pue=pue,
        claimed_days=claim_days,
    )
