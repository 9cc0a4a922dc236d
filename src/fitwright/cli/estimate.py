"""``fitwright estimate``: what one model needs."""

from __future__ import annotations

from typing import Annotated

import typer

_Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Catalogue name, config.json, model directory or Hub id.")
]
_Device = Annotated[
    str | None,
    typer.Option(help="cpu (this machine), cuda:N, auto, or a listed device, such as a100-80gb."),
]
_Mode = Annotated[str, typer.Option(help="infer (a forward pass) or train (an optimiser step).")]
_Batch = Annotated[int, typer.Option(help="Rows; in training, of one optimiser step.")]
_Seq = Annotated[
    int | None, typer.Option(help="Tokens in a row; 128, or the model's maximum where that is less.")
]
_Precision = Annotated[str, typer.Option(help="fp32, tf32, bf16, fp16, int8 or int4.")]
_Casting = Annotated[
    str | None,
    typer.Option(help="autocast (weights in fp32) or pure; by default pure to infer, autocast to train."),
]
_Attention = Annotated[str, typer.Option(help="fused (scores are never stored) or eager.")]
_Optimiser = Annotated[
    str,
    typer.Option(
        help="adamw, adamw-plain, adamw-foreach, adamw-fused, adamw-8bit, adafactor, sgd or sgd-momentum."
    ),
]
_Checkpointing = Annotated[
    bool, typer.Option("--checkpointing", help="Compute each layer anew in the backward pass.")
]
_Accumulation = Annotated[int, typer.Option(help="Parts that the batch is split into.")]
_LoraRank = Annotated[int | None, typer.Option(help="Train adapters of this rank alone.")]
_Tokens = Annotated[
    str | None,
    typer.Option(help="Tokens of a whole training run, such as 300B: its time, energy and money."),
]
_Devices = Annotated[int, typer.Option(help="Devices of the run.")]
_Utilisation = Annotated[float | None, typer.Option(help="Share of their peak that the run reaches.")]
_PricePerHour = Annotated[float | None, typer.Option(help="US dollars an hour of one device.")]
_PricePerKwh = Annotated[float | None, typer.Option(help="US dollars for a kWh.")]
_Pue = Annotated[float, typer.Option(help="What the building draws for each watt of the devices.")]
_ClaimDays = Annotated[
    float | None, typer.Option(help="A claim to judge: the run took so many days on --devices.")
]
_RequireFit = Annotated[bool, typer.Option("--require-fit", help="Exit code 1 unless the verdict is 'fits'.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Everything as JSON.")]


def estimate(
    model: _Model,
    device: _Device = None,
    mode: _Mode = "infer",
    batch: _Batch = 1,
    seq: _Seq = None,
    precision: _Precision = "fp32",
    casting: _Casting = None,
    attention: _Attention = "fused",
    optimiser: _Optimiser = "adamw",
    checkpointing: _Checkpointing = False,
    accumulation: _Accumulation = 1,
    lora_rank: _LoraRank = None,
    tokens: _Tokens = None,
    devices: _Devices = 1,
    utilisation: _Utilisation = None,
    price_per_hour: _PricePerHour = None,
    price_per_kwh: _PricePerKwh = None,
    pue: _Pue = 1.0,
    claim_days: _ClaimDays = None,
    require_fit: _RequireFit = False,
    as_json: _AsJson = False,
) -> None:
    """Estimate one model on one device: parameters, FLOPs, memory by part, latency, and whether it fits.

    Catalogue models need no torch; any other config is traced once without weights and kept. A '~' marks an
    estimate; its interval stands behind it. The verdict is judged by the upper end.

    Example: fitwright estimate bert-large --device a100-40gb --mode train --batch 16 --precision bf16
    """
    from fitwright.api.estimate import estimate as verb
    from fitwright.cli.console import print_json, print_text
    from fitwright.cli.estimate_text import lines
    from fitwright.core.errors import CheckError
    from fitwright.core.units import parse_count

    row = verb(
        model, device=device, mode=mode, batch=batch, seq=seq, precision=precision, casting=casting,
        attention=attention, optimiser=optimiser, checkpointing=checkpointing, accumulation=accumulation,
        lora_rank=lora_rank, tokens=None if tokens is None else parse_count(tokens), devices=devices,
        utilisation=utilisation, price_per_hour=price_per_hour, price_per_kwh=price_per_kwh, pue=pue,
        claim_days=claim_days,
    )  # fmt: skip
    if as_json:
        print_json(row.as_json())
    else:
        print_text("\n".join(lines(row)))
    if require_fit and row.verdict != "fits":
        raise CheckError(f"the verdict is '{row.verdict}'", got=row.spec.id, allowed="fits")
