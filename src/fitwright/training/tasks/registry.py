"""Tasks by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.training.tasks.interface import Task
from fitwright.training.tasks.names import TASK_NAMES, TASKS


def task_of(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task of that name with those options of its own.

    Args:
        name: one of :data:`TASK_NAMES`; its module is imported now.
        options: by name; a value given as text is read as the type of the option's default.

    Raises:
        UsageError: unknown task or option, or a value that it does not take.
    """
    if name not in TASKS:
        raise UsageError("unknown task", got=name, allowed=", ".join(TASK_NAMES))
    module, cls = TASKS[name]
    kind = getattr(importlib.import_module(f"fitwright.training.tasks.{module}"), cls)
    known = {field.name: field.default for field in fields(kind)}
    given = dict(options or {})
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UsageError(
            f"unknown options of the task {name}", got=", ".join(unknown),
            allowed=", ".join(known) or "none: this task has no options",
        )  # fmt: skip
    task: Task = kind(**{option: _typed(option, value, known[option]) for option, value in given.items()})
    return task


def options_of(task: Task) -> dict[str, Any]:
    """The task's own options, as JSON: :func:`task_of` makes the same task of them again."""
    values: Any = task  # a frozen dataclass, whatever its class
    return asdict(values)


def _typed(option: str, value: Any, default: Any) -> Any:
    """Text from the command line as a value of the default's type."""
    if not isinstance(value, str) or isinstance(default, str) or default is None:
        return value
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False, "on": True, "off": False}[value.lower()]
        return type(default)(value)
    except (KeyError, ValueError):
        allowed = "on or off" if isinstance(default, bool) else f"a number such as {default}"
        raise UsageError(
            f"the task's option {option} has a wrong value", got=value, allowed=allowed
        ) from None
