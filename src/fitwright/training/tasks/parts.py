"""What is told of a split before training."""

from __future__ import annotations

from typing import Any

from fitwright.data.splitting import PARTS, Splits


def parts_line(parts: Splits[Any]) -> str:
    """How many rows there are, and in which part."""
    sizes = {part: len(parts.indices[part]) for part in PARTS}
    shown = ", ".join(f"{part} {rows:,}" for part, rows in sizes.items())
    return f"{'rows':<11}{sum(sizes.values()):,} ({shown})"
