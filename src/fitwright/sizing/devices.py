"""Devices to predict for: this machine's processor and cards, or one of a list with sourced values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.spec.device import Device, parse_capability

if TYPE_CHECKING:
    from fitwright.sizing.hardware.nvidia import Card

_DATA = Path(__file__).with_name("data") / "devices.json"
_FACTS = (
    "name", "kind", "id", "cores", "memory_bytes", "peak_flops", "bandwidth_bytes_per_s", "power_w",
    "interconnect_bytes_per_s",
)  # fmt: skip
_OWN = ("cpu", "cuda", "cuda:N", "auto")
_MAKERS = re.compile(r"\b(nvidia|geforce|tesla|amd|instinct|intel|google|aws|huawei|apple)\b|\((r|tm)\)|[™®]")
_NEAR = 3
_SAME_MEMORY = 0.1
"""A card whose memory is further from the listed one's is another card of the same name."""
_BYTES_PER_TRANSFER = 8


def find(name: str | None) -> Device:
    """The device that ``name`` means. Letter case, spaces, hyphens and the maker's name do not matter.

    Args:
        name: ``None`` or ``cpu``: this machine's processor; ``cuda`` or ``cuda:N``: its NVIDIA card, asked
            through ``nvidia-smi``; ``auto``: its first card if there is one, else the processor; or a device
            of the list, by id, alias or the name its driver gives it (``rtx-4090``, ``A100 80GB``).

    Raises:
        UsageError: unknown (with near matches), several devices fit the name (it lists them), or there is no
            such card (it says what was found).
    """
    wanted = "cpu" if name is None else name.strip().lower()
    if wanted == "cpu":
        return detect()
    if wanted == "auto":
        return _first_card() or detect()
    if re.fullmatch(r"cuda(:.*)?", wanted):
        return detect_cuda(_cuda_index(wanted))
    fitting = _listed().get(plain(wanted), ())
    if len(fitting) > 1:
        raise UsageError(
            "the device name is ambiguous", got=name, allowed=", ".join(row["id"] for row in fitting),
            mend="Give one of these.",
        )  # fmt: skip
    if not fitting:
        raise _unknown(name or "", wanted)
    return _device(fitting[0])


def detect(cores: int | None = None) -> Device:
    """This machine's CPU: usable cores, memory, and its peak where clock and vector width are known.

    Args:
        cores: that the work is spread over; ``None``: all that this process may use.
    """
    from fitwright.sizing.hardware import processor

    return processor.detect(cores)


def detect_cuda(index: int = 0) -> Device:
    """This machine's NVIDIA card number ``index``, as CUDA counts those visible to this process.

    Name, memory, power limit and compute capability are the driver's; peaks, bandwidth and interconnect come
    from the list, if a card of that name and about that memory is in it, and are unknown otherwise.

    Raises:
        UsageError: no ``nvidia-smi``, no answer from it, or no such card.
    """
    from fitwright.sizing.hardware import nvidia

    return _card_device(nvidia.choose(nvidia.read_cards(), index))


def names() -> tuple[str, ...]:
    """Ids of the listed devices."""
    return tuple(row["id"] for row in _rows())


def aliases(device_id: str) -> tuple[str, ...]:
    """The other names of a listed device; one of them may belong to several devices."""
    return next((tuple(row.get("aliases", ())) for row in _rows() if row["id"] == device_id), ())


def near_matches(name: str) -> tuple[str, ...]:
    """Up to three ids of listed devices that look like ``name``, best first."""
    import difflib

    listed = _listed()
    close = difflib.get_close_matches(plain(name), listed, _NEAR, 0.6)
    found = dict.fromkeys(row["id"] for key in close for row in listed[key])
    return tuple(found)[:_NEAR]


def plain(name: str) -> str:
    """A name without case, spaces, punctuation and the maker: ``NVIDIA GeForce RTX 4090`` → ``rtx4090``."""
    return re.sub(r"[^a-z0-9+]", "", _MAKERS.sub("", name.lower()))


def _unknown(name: str, wanted: str) -> UsageError:
    near = near_matches(wanted)
    if near:
        return UsageError("unknown device", got=name, mend=f"Did you mean {', '.join(near)}?")
    return UsageError("unknown device", got=name, allowed=", ".join([*_OWN, *names()]))


def _cuda_index(wanted: str) -> int:
    number = wanted.partition(":")[2] if ":" in wanted else "0"
    if not number.isdigit():
        raise UsageError("not a CUDA device", got=wanted, allowed="cuda or cuda:N, N from 0")
    return int(number)


def _first_card() -> Device | None:
    """``None`` where no driver answers or it shows this process no card."""
    from fitwright.sizing.hardware import nvidia

    try:
        cards = nvidia.read_cards()
    except UsageError:
        return None
    visible = nvidia.visible_cards(cards)
    return _card_device(visible[0]) if visible else None


def _card_device(card: Card) -> Device:
    row = None if card.split else _row_of_card(card)
    driver = f"nvidia-smi, driver {card.driver or 'unknown'}"
    sources: dict[str, str] = {"name": driver}
    listed = None if row is None else _device(row)
    known: dict[str, Any] = {}
    if listed is not None:
        known = {
            name: getattr(listed, name)
            for name in ("peak_flops", "bandwidth_bytes_per_s", "interconnect_bytes_per_s", "power_w",
                         "memory_bytes", "compute_capability", "id")
        }  # fmt: skip
        sources |= listed.sources
    for name, value in (
        ("memory_bytes", None if card.split else card.memory_bytes),
        ("power_w", None if card.split else card.power_w),
        ("compute_capability", card.compute_capability),
    ):
        if value is not None:
            known[name], sources[name] = value, driver
    if card.split:
        sources["memory_bytes"] = "unknown: the card is cut into MIG slices"
    return Device(name=card.name, kind="gpu", sources=sources, **known)


def _row_of_card(card: Card) -> dict[str, Any] | None:
    """The listed device with the driver's name for it, and with about its memory where that is known."""
    wanted = plain(card.name)
    for row in _rows():
        if wanted not in map(plain, row.get("driver_names", ())):
            continue
        listed = row.get("memory_bytes")
        if card.memory_bytes is None or listed is None:
            return row
        if abs(card.memory_bytes / listed - 1) <= _SAME_MEMORY:
            return row
    return None


def _device(row: Mapping[str, Any]) -> Device:
    facts: dict[str, Any] = {name: row[name] for name in _FACTS if name in row}
    sources = {name: _source(text) for name, text in row["sources"].items()}
    if "base_clock_hz" in row:
        facts["peak_flops"] = _processor_peaks(row)
        sources["peak_flops"] = (
            f"{row['cores']} cores × {row['base_clock_hz']:.4g} Hz base clock × FLOPs a cycle: "
            f"{sources.pop('base_clock_hz')}; {sources.pop('flops_per_cycle')}"
        )
    if "memory_channels" in row:
        channels, rate = row["memory_channels"], row["memory_transfers_per_s"]
        facts["bandwidth_bytes_per_s"] = channels * rate * _BYTES_PER_TRANSFER
        sources["bandwidth_bytes_per_s"] = (
            f"{channels} channels × {rate:.4g} transfers a second × {_BYTES_PER_TRANSFER} B: "
            f"{sources['bandwidth_bytes_per_s']}"
        )
    return Device(
        compute_capability=parse_capability(row.get("compute_capability")),
        instructions=tuple(row.get("instructions", ())), sources=sources, **facts,
    )  # fmt: skip


def _processor_peaks(row: Mapping[str, Any]) -> dict[str, float]:
    """Cores × base clock × FLOPs a cycle. Known error: the clock under load is another, mostly higher."""
    return {
        precision: row["cores"] * row["base_clock_hz"] * flops
        for precision, flops in row["flops_per_cycle"].items()
    }


def _source(text: str) -> str:
    """``[key] remark`` with the reference written out: title, address; remark."""
    match = re.fullmatch(r"\[([a-z0-9-]+)\]\s*(.*)", text)
    if match is None:
        return text
    reference, remark = _file()["references"][match[1]], match[2]
    return f"{reference}; {remark}" if remark else str(reference)


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    return loaded


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _file()["devices"]
    return rows


@lru_cache(maxsize=1)
def _listed() -> dict[str, tuple[dict[str, Any], ...]]:
    """Rows by plain name. An id, a name or a driver's name comes before an alias that looks like it."""
    found: dict[str, tuple[dict[str, Any], ...]] = {}
    for certain in (True, False):
        known = set(found)
        for row in _rows():
            for key in {plain(name) for name in _names_of(row, certain=certain)} - known:
                found[key] = (*found.get(key, ()), row)
    return found


def _names_of(row: Mapping[str, Any], *, certain: bool) -> Iterable[str]:
    return [row["id"], row["name"], *row.get("driver_names", ())] if certain else row.get("aliases", ())
