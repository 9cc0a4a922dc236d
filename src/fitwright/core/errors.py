"""The one exception tree. Each class knows the exit code that the command line ends with.

    FitwrightError                3  failed while running
    ├── UsageError                2  an argument, setting or budget is wrong
    │   ├── UnknownModelError     2  no such model; carries near matches
    │   ├── DataError             2  the user's data cannot be used as it is
    │   └── MissingExtraError     2  an optional dependency is not installed
    ├── CheckError                1  a check or a budget failed
    └── RunError                  3  the machine said no: disk full, port taken, out of memory
        └── PeerError             3  another process of the same run failed; that one tells why

A message is one line: what is wrong, the value got, what is allowed, how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable


class FitwrightError(Exception):
    """Base of every error that Fitwright raises on purpose."""

    exit_code = 3

    def __init__(
        self,
        what: str,
        *,
        got: object | None = None,
        allowed: str | None = None,
        mend: str | None = None,
    ) -> None:
        self.what, self.got, self.allowed, self.mend = what, got, allowed, mend
        parts = [what.rstrip(".")]
        if got is not None:
            parts.append(f"got {got!r}")
        if allowed is not None:
            parts.append(f"allowed: {allowed}")
        line = "; ".join(parts) + "."
        super().__init__(line if mend is None else f"{line} {mend}")


class UsageError(FitwrightError):
    """An argument, setting or budget is wrong."""

    exit_code = 2


class UnknownModelError(UsageError):
    """No model answers to that name."""

    def __init__(self, name: str, near: Iterable[str] = (), *, mend: str | None = None) -> None:
        self.near = tuple(near)
        hint = f"Did you mean {', '.join(self.near)}?" if self.near else None
        default = "Run 'fitwright models' to list the catalogue, or give a model directory."
        super().__init__("unknown model", got=name, mend=mend or hint or default)


class DataError(UsageError):
    """The user's data cannot be used as it is."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed."""

    def __init__(self, module: str, extra: str) -> None:
        self.module, self.extra = module, extra
        super().__init__(
            f"this needs the package {module!r}, which is not installed",
            mend=f"Run: pip install 'fitwright[{extra}]'",
        )


class CheckError(FitwrightError):
    """A check or a budget failed; the result itself is valid and was saved."""

    exit_code = 1


class RunError(FitwrightError):
    """Something outside the arguments failed while running."""


class PeerError(RunError):
    """Another process of the same run failed.

    Attributes:
        quiet: whether that one tells why, so that this one need not say anything.
    """

    def __init__(self, what: str | None = None, *, exit_code: int = 3) -> None:
        self.quiet, self.exit_code = what is None, exit_code
        super().__init__(
            what or "another process of this run failed",
            mend="Its own message says why; the same command continues where the run stopped."
            if what is None
            else "It was killed, or lost the network or its memory; the same command continues.",
        )
