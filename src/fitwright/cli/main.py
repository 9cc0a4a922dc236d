"""The entry point: runs the command and turns every error into one line and an exit code.

Exit codes: 0 done, 1 a check or budget failed, 2 wrong usage, 3 failed while running, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from fitwright.cli.interrupts import INTERRUPTS
from fitwright.core.errors import FitwrightError, PeerError

_INTERRUPTED = 130


_BARE = {"--sweep": "default"}
"""Options that may stand without a value, and the one that they then have."""


def with_bare_options(arguments: list[str]) -> list[str]:
    """The arguments with the value of an option that stands alone, which the parser has no notion of.

    A value of these options has ``=`` in it, or is the one that they have when they stand alone.
    """
    found = []
    for place, argument in enumerate(arguments):
        found.append(argument)
        if argument in _BARE:
            following = arguments[place + 1] if place + 1 < len(arguments) else ""
            if following.startswith("-") or ("=" not in following and following != _BARE[argument]):
                found.append(_BARE[argument])
    return found


def main() -> NoReturn:
    """Run the command line of this process."""
    INTERRUPTS.listen()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. Set ``FITWRIGHT_DEBUG=1`` to see tracebacks."""
    debug = os.environ.get("FITWRIGHT_DEBUG", "") not in ("", "0")
    try:
        from fitwright.cli.app import application

        app = application(next(iter(arguments), None))
        result = app(with_bare_options(arguments), prog_name="fitwright", standalone_mode=False)
        sys.stdout.flush()
        if result == _INTERRUPTED:  # typer took the KeyboardInterrupt and returns this in silence
            raise KeyboardInterrupt
        return result if isinstance(result, int) else 0
    except FitwrightError as error:
        if debug:
            raise
        if isinstance(error, PeerError) and error.quiet:
            return error.exit_code
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted; the same command continues where it stopped.", _INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        return _unexpected(error)


def _unexpected(error: Exception) -> int:
    # By shape, not by class: typer may carry its own copy of click, and click may not be installed.
    if type(error).__name__ == "Exit" and isinstance(code := getattr(error, "exit_code", None), int):
        return code
    if type(error).__name__ == "Abort":
        return _fail("interrupted; the same command continues where it stopped.", _INTERRUPTED)
    if callable(message := getattr(error, "format_message", None)):
        what, context = str(message()).rstrip("."), getattr(error, "ctx", None)
        if not what:  # no arguments at all: the help was shown
            return 2
        return _fail(f"{what}." + (f" Try '{context.command_path} --help'." if context else ""), 2)
    if isinstance(error, OSError) and error.errno == 28:  # ENOSPC
        return _fail("the disk is full. Free some space, then run the same command again.", 3)
    if isinstance(error, MemoryError):
        return _fail("out of memory. Use a smaller --batch or a smaller model.", 3)
    where = f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]
    return _fail(f"unexpected: {where} (FITWRIGHT_DEBUG=1 shows where; please report it)", 3)


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
