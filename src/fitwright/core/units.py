"""Text to SI numbers and back. Bytes and seconds inside; text only at the edge. GB is 10^9, GiB is 2^30."""

from __future__ import annotations

import re

from fitwright.core.errors import UsageError

_BYTES = {
    "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "pb": 10**15, "eb": 10**18,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_COUNT = re.compile(r"^\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([kKmMbBtT]?)\s*$")
_COUNTS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_FLOP_STEPS = ((24, "Y"), (21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"))
_NUMBER = re.compile(r"^\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([^\s0-9]*)\s*$")


def _parse(text: str, table: dict[str, float] | dict[str, int], what: str, default: str) -> float:
    match = _NUMBER.match(text)
    unit = (match.group(2) or default).lower() if match else ""
    if match is None or unit not in table:
        raise UsageError(f"not {what}", got=text, allowed=f"a number with one of {', '.join(table)}")
    return float(match.group(1)) * table[unit]


def parse_bytes(text: str) -> int:
    """Bytes of ``"25MB"``, ``"1GiB"``, ``"1048576"`` (no unit: bytes)."""
    number = _parse(text, _BYTES, "a size", "b")
    if number == float("inf"):
        raise UsageError("not a size", got=text, allowed="a finite number of bytes")
    return round(number)


def parse_seconds(text: str) -> float:
    """Seconds of ``"3ms"``, ``"0.5s"``, ``"250us"``. The unit must be given."""
    return _parse(text, _SECONDS, "a duration", "")


def parse_rate(text: str) -> float:
    """Events per second of ``"500/s"`` or ``"30/min"``; a plain number is per second."""
    number, _, per = text.partition("/")
    if per.strip() not in ("", "s", "min", "h"):
        raise UsageError("not a rate", got=text, allowed="N/s, N/min or N/h")
    try:
        return float(number) / _SECONDS[per.strip() or "s"]
    except ValueError:
        raise UsageError("not a rate", got=text, allowed="N/s, N/min or N/h") from None


def parse_count(text: int | str) -> int:
    """``"110M"``, ``"1.5B"``, ``"800k"``, ``"2T"``, ``"3e9"`` or a plain number as a whole number."""
    match = _COUNT.match(str(text))
    if match is None:
        raise UsageError("not a count", got=text, allowed="a number, with k, M, B or T after it where wanted")
    number = float(match.group(1)) * _COUNTS[match.group(2).lower()]
    if number == float("inf"):
        raise UsageError("not a count", got=text, allowed="a finite number")
    return round(number)


def _scaled(value: float, steps: tuple[tuple[float, str], ...], digits: int) -> str:
    for size, unit in steps:
        if abs(value) >= size:
            return f"{_significant(value / size, digits)} {unit}"
    return f"{_significant(value / steps[-1][0], digits)} {steps[-1][1]}"


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(0, digits - whole)}f}"


def format_bytes(value: float) -> str:
    """``22_700_000`` → ``"22.7 MB"`` (decimal multiples, as file sizes are published)."""
    steps = ((1e18, "EB"), (1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
    return f"{int(value)} B" if abs(value) < 1000 else _scaled(value, steps, 3)


def format_seconds(value: float) -> str:
    """``0.0031`` → ``"3.10 ms"``; above two minutes ``"2 min 05 s"``."""
    if value >= 120:
        return f"{int(value // 60)} min {int(value % 60):02d} s"
    steps = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
    return _scaled(value, steps, 3)


def format_count(value: float) -> str:
    """``109_482_240`` → ``"109.5M"``."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}{unit}"
    return f"{value:.0f}"


def format_flops(value: float) -> str:
    """``5.9e12`` → ``"5.90 TFLOP"``: operations, not operations a second."""
    steps = tuple((10.0**power, f"{letter}FLOP") for power, letter in _FLOP_STEPS)
    return _scaled(value, (*steps, (1.0, "FLOP")), 3)


def format_rate(value: float) -> str:
    """``512.4`` → ``"512 /s"``."""
    return f"{_significant(value, 3)} /s"
