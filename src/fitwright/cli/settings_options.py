"""Settings as options: a command takes every field of a settings class without naming each."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_type_hints

import typer

Command = Callable[..., None]


def settings_options(
    kind: type, texts: Mapping[str, str], also: Mapping[str, tuple[str, ...]] | None = None
) -> Callable[[Command], Command]:
    """Have a command take the fields of ``kind`` as options, and hand it one ``settings`` made of them.

    Args:
        kind: a dataclass whose fields have defaults; it checks its values itself.
        texts: the help text of each field that becomes an option.
        also: names of options besides ``--field-name``, by field.
    """
    hints, defaults = get_type_hints(kind), {field.name: field.default for field in fields(kind)}
    unfit = sorted(name for name in texts if defaults.get(name, MISSING) is MISSING)
    if unfit:
        raise TypeError(f"no fields with a default: {unfit}")

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_settings(**given: Any) -> None:
            settings = kind(**{name: given.pop(name) for name in texts})
            command(settings=settings, **given)

        signature, types = inspect.signature(command), get_type_hints(command, include_extras=True)
        own = [p.replace(annotation=types[n]) for n, p in signature.parameters.items() if n != "settings"]
        added = []
        for name, text in texts.items():
            names = (f"--{name.replace('_', '-')}", *(also or {}).get(name, ()))
            added.append(inspect.Parameter(
                name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=defaults[name],
                annotation=Annotated[hints[name], typer.Option(*names, help=text)],
            ))  # fmt: skip
        whole = signature.replace(parameters=own + added, return_annotation=None)
        with_settings.__signature__ = whole  # type: ignore[attr-defined]
        with_settings.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
        return with_settings

    return decorate
