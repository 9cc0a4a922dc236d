"""From what a user types to one model: exact id, alias, short name, human name, or a model directory."""

from __future__ import annotations

from pathlib import Path

from fitwright.catalog import store
from fitwright.core.errors import UnknownModelError, UsageError
from fitwright.spec.model import ModelSpec

_NEAR = 3
_LISTED = 12


def find(name: str) -> ModelSpec:
    """The one model that ``name`` means; letter case does not matter.

    Looked up in this order: catalogue id, alias, last part of an id, human name, folder with a
    ``config.json``. A name with ``.``, ``~`` or ``/`` in front is always a folder.

    Raises:
        UsageError: several models fit the name (it lists their ids), or the folder is not a model directory.
        UnknownModelError: nothing fits; carries near matches.
    """
    wanted = name.strip()
    if not wanted:
        raise UsageError("a model name is empty", mend="Run 'fitwright models' to list the catalogue.")
    if is_path(wanted):
        return _directory(wanted)
    model_id = resolve(wanted)
    if model_id is not None:
        return store.load(model_id)
    if Path(wanted).is_dir():
        return _directory(wanted)
    raise UnknownModelError(name, near_matches(wanted))


def is_path(name: str) -> bool:
    """Whether ``name`` can only be a path: ``.``, ``~`` or ``/`` in front."""
    return name.startswith(("./", "../", "/", "~")) or name in (".", "..")


def resolve(name: str) -> str | None:
    """The catalogue id that ``name`` means, ``None`` where there is none; raises if it is ambiguous."""
    wanted = name.lower()
    by_id = {model_id.lower(): model_id for model_id in store.ids()}
    if wanted in by_id:
        return by_id[wanted]
    if wanted in store.aliases():
        return store.aliases()[wanted]
    short = [model_id for lower, model_id in by_id.items() if lower.rpartition("/")[2] == wanted]
    if not short:
        short = _prefixed(wanted, by_id)
    if not short:
        short = [spec.id for spec in store.load_all() if spec.name.lower() == wanted]
    if len(short) > 1:
        raise _ambiguous(name, short)
    return short[0] if short else None


def _prefixed(wanted: str, by_id: dict[str, str]) -> list[str]:
    """Ids whose short name starts with ``wanted-``, if several do: a lone one may not be what was meant."""
    found = [
        model_id for lower, model_id in by_id.items() if lower.rpartition("/")[2].startswith(f"{wanted}-")
    ]
    return found if len(found) > 1 else []


def _ambiguous(name: str, found: list[str]) -> UsageError:
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return UsageError(
        "the model name is ambiguous", got=name, allowed=", ".join(found[:_LISTED]) + more,
        mend="Give one of these ids.",
    )  # fmt: skip


def near_matches(name: str) -> tuple[str, ...]:
    """Up to three names that the catalogue knows and that look like ``name``, best first."""
    import difflib

    wanted = name.lower()
    meant: dict[str, str] = {alias: alias for alias in store.aliases()}
    for model_id in store.ids():
        meant[model_id.lower()] = model_id
        meant[model_id.lower().rpartition("/")[2]] = model_id.rpartition("/")[2]
    short = wanted.rpartition("/")[2]
    close = difflib.get_close_matches(wanted, meant, _NEAR, 0.6)
    if short != wanted:
        close += difflib.get_close_matches(short, meant, _NEAR, 0.6)
    return tuple(dict.fromkeys(meant[key] for key in close))[:_NEAR]


def _directory(path: str) -> ModelSpec:
    from fitwright.catalog.local import read_model_directory

    return read_model_directory(Path(path).expanduser())
