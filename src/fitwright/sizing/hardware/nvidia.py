"""NVIDIA cards as their driver sees them, asked through ``nvidia-smi``: no torch, no CUDA."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.spec.device import parse_capability

PROGRAM = "nvidia-smi"
_TIMEOUT_S = 30
_FIELDS = (
    "index", "name", "memory.total", "driver_version", "compute_cap", "power.limit", "clocks.max.sm", "uuid",
    "mig.mode.current",
)  # fmt: skip
_NEWER_FIELDS = {"compute_cap", "mig.mode.current"}
"""Drivers before about 510 and 450 refuse a query that names these."""
_MIB = 2**20
_MEND = "Install the NVIDIA driver, or name a device of the list instead ('cpu' is this machine's processor)."


@dataclass(frozen=True, kw_only=True)
class Card:
    """One card. What the driver does not tell (``[N/A]``) is ``None``.

    Attributes:
        index: as ``nvidia-smi`` counts, in the order of the PCI bus.
        memory_bytes: in total, the driver's own share included.
        power_w: the limit that is set now.
        split: whether it is cut into MIG slices, each with a part of the memory and the multiprocessors.
    """

    index: int
    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    driver: str | None = None
    compute_capability: tuple[int, int] | None = None
    power_w: float | None = None
    max_clock_hz: float | None = None
    split: bool = False


def read_cards() -> tuple[Card, ...]:
    """Every card of this machine, in ``nvidia-smi``'s order.

    Raises:
        UsageError: no ``nvidia-smi`` on the path, or it fails; says what it said.
    """
    if shutil.which(PROGRAM) is None:
        raise UsageError(f"no NVIDIA card can be asked: {PROGRAM} is not on the path", mend=_MEND)
    status, out, said = _ask(_FIELDS)
    if status != 0 and "not a valid field" in said:
        older = tuple(name for name in _FIELDS if name not in _NEWER_FIELDS)
        status, out, said = _ask(older)
        fields: Sequence[str] = older
    else:
        fields = _FIELDS
    if "no devices were found" in said.lower():
        return ()
    if status != 0:
        raise UsageError(f"{PROGRAM} failed with status {status}", got=_shortened(said), mend=_MEND)
    return parse_cards(out, fields)


def parse_cards(text: str, fields: Sequence[str] = _FIELDS) -> tuple[Card, ...]:
    """The cards in what ``nvidia-smi --query-gpu=… --format=csv,noheader,nounits`` printed.

    Values in square brackets (``[N/A]``, ``[Not Supported]``, ``[Unknown Error]``) and ``N/A`` are unknown;
    units that an old driver leaves in (``16384 MiB``) are cut off.

    Raises:
        UsageError: a line has another number of values than ``fields``, or no index or name.
    """
    cards = []
    for row in csv.reader(line for line in text.splitlines() if line.strip()):
        values = {name: _known(value) for name, value in zip(fields, row, strict=False)}
        index, name = values.get("index"), values.get("name")
        if len(row) != len(fields) or index is None or not index.isdigit() or name is None:
            raise UsageError(
                f"{PROGRAM} printed a line that is not understood", got=", ".join(row), mend=_MEND
            )
        cards.append(_card(int(index), name, values))
    return tuple(cards)


def choose(cards: Sequence[Card], index: int, environment: Mapping[str, str] | None = None) -> Card:
    """The card that ``cuda:index`` means: counted among those that ``CUDA_VISIBLE_DEVICES`` leaves visible.

    Known error: on a machine with different cards CUDA counts the fastest first unless ``CUDA_DEVICE_ORDER``
    is ``PCI_BUS_ID``; here it is always the order of the bus.

    Raises:
        UsageError: no such card; says which there are.
    """
    visible = visible_cards(cards, environment)
    if 0 <= index < len(visible):
        return visible[index]
    found = ", ".join(f"cuda:{place} is {card.name}" for place, card in enumerate(visible))
    hidden = f"; CUDA_VISIBLE_DEVICES hides {len(cards) - len(visible)}" if len(visible) < len(cards) else ""
    raise UsageError(
        "no such CUDA device", got=f"cuda:{index}", allowed=f"{found or 'none, there is no card'}{hidden}",
        mend="Give one of these." if found else _MEND,
    )  # fmt: skip


def visible_cards(cards: Sequence[Card], environment: Mapping[str, str] | None = None) -> tuple[Card, ...]:
    """The cards that ``CUDA_VISIBLE_DEVICES`` leaves, in its order: numbers or the beginnings of UUIDs.

    CUDA reads the list up to the first entry that names no card (CUDA C++ Programming Guide, "CUDA
    Environment Variables").

    Args:
        environment: ``None``: this process's.

    Raises:
        UsageError: it names a MIG slice, of which the driver's table does not tell the share.
    """
    listed = (os.environ if environment is None else environment).get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return tuple(cards)
    found: list[Card] = []
    for entry in (part.strip() for part in listed.split(",")):
        if entry.startswith("MIG-"):
            raise UsageError(
                "a MIG slice cannot be looked at", got=f"CUDA_VISIBLE_DEVICES={listed}",
                mend="Unset it, or name a device of the list.",
            )  # fmt: skip
        same = [c for c in cards if str(c.index) == entry or (c.uuid and entry and c.uuid.startswith(entry))]
        if len(same) != 1:
            break
        found.append(same[0])
    return tuple(found)


def _ask(fields: Sequence[str]) -> tuple[int, str, str]:
    """(exit status, standard output, everything that was said)."""
    command = [PROGRAM, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise UsageError(f"{PROGRAM} did not answer within {_TIMEOUT_S} s", mend=_MEND) from None
    except OSError as error:
        raise UsageError(f"{PROGRAM} cannot be run", got=str(error), mend=_MEND) from None
    return done.returncode, done.stdout, f"{done.stdout}\n{done.stderr}"


def _card(index: int, name: str, values: Mapping[str, str | None]) -> Card:
    memory_mib, clock_mhz = _number(values.get("memory.total")), _number(values.get("clocks.max.sm"))
    return Card(
        index=index, name=name, uuid=values.get("uuid"), driver=values.get("driver_version"),
        memory_bytes=None if memory_mib is None else round(memory_mib * _MIB),
        compute_capability=parse_capability(values.get("compute_cap")),
        power_w=_number(values.get("power.limit")),
        max_clock_hz=None if clock_mhz is None else clock_mhz * 1e6,
        split=values.get("mig.mode.current") == "Enabled",
    )  # fmt: skip


def _known(value: str) -> str | None:
    text = value.strip()
    return None if not text or text.startswith("[") or text.upper() == "N/A" else text


def _number(text: str | None) -> float | None:
    try:
        found = float((text or "").split()[0])
    except (ValueError, IndexError):
        return None
    return found if 0 < found < float("inf") else None


def _shortened(said: str) -> str:
    return " ".join(said.split())[:200]
