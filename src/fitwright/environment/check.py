"""One finding of the doctor, and all of them together."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was looked at, how it is, what was found, and the one line that mends it.

    ``fail``: something that fitwright is used for breaks. ``warn``: it works, but slower or not all of it.
    """

    name: str
    status: Status
    found: str
    mend: str | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Every check, in order."""

    checks: tuple[Check, ...]

    @property
    def healthy(self) -> bool:
        """No check failed; warnings are allowed."""
        return all(check.status != "fail" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {"healthy": self.healthy, "checks": [asdict(check) for check in self.checks]}

    def lines(self) -> list[str]:
        """Aligned text: one line per check, its mend below it."""
        width = max(len(check.name) for check in self.checks)
        lines: list[str] = []
        for check in self.checks:
            lines.append(f"{check.status:<4}  {check.name:<{width}}  {check.found}")
            if check.mend:
                lines.append(f"{'':<{6 + width}}  → {check.mend}")
        return lines
