"""From whatever a user types to one model: a name of the catalogue, a folder, a ``config.json``, a Hub id."""

from __future__ import annotations

from pathlib import Path

from fitwright.catalog import names, store
from fitwright.core.errors import UnknownModelError, UsageError
from fitwright.spec.model import ModelSpec

_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_ENDING = ".json"


def find(name: str) -> ModelSpec:
    """The one model that ``name`` means.

    Looked up in this order: a path (``.``, ``~`` or ``/`` in front, or ``.json`` at the end), a name of the
    catalogue (id, alias, short or human name; letter case does not matter), a folder or file of that name,
    and last, for ``organisation/name``, the Hub. A name without ``/`` never goes to the network.

    A model directory's parameters are those of its weights. A ``config.json`` without weights has those of
    its class, built by transformers on the meta device: exact, each shared tensor once. That takes some
    seconds the first time and is kept in the user's folder.

    Args:
        name: as above. A ``config.json`` may be given itself, even where weights lie beside it.

    Returns:
        A spec whose ``facts["config"]`` holds the model's ``config.json``.

    Raises:
        UnknownModelError: nothing answers to the name; carries near matches.
        UsageError: several models fit the name, or the file cannot be a model's (the field is named).
        DataError: weights that cannot be read.
        MissingExtraError: torch and transformers are needed for a model without weights.
    """
    wanted = name.strip()
    if not wanted:
        raise UsageError("a model name is empty", mend="Run 'fitwright models' to list the catalogue.")
    if names.is_path(wanted) or wanted.lower().endswith(_ENDING):
        return _local(wanted)
    model_id = names.resolve(wanted)
    if model_id is not None:
        return store.load(model_id)
    if _exists(wanted):
        return _local(wanted)
    from fitwright.sizing import hub

    if hub.is_repository(wanted):
        source = f"{_CONFIG} of {wanted} on the Hub"
        return _of_file(
            hub.fetch_config(wanted), source=source, given=wanted, title=wanted.rpartition("/")[2]
        )
    raise UnknownModelError(name, names.near_matches(wanted))


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # too long for a path, or a zero byte in it
        return False


def _local(given: str) -> ModelSpec:
    path = Path(given).expanduser()
    if not _exists(str(path)):
        raise UsageError(
            "there is no such file or folder", got=given, allowed="a model directory, or a config.json"
        )
    if not path.is_dir():
        if path.suffix.lower() != _ENDING:
            raise UsageError(
                "a model is a folder or a config.json, and not another file", got=given,
                mend="Give the folder that holds the model's config.json.",
            )  # fmt: skip
        title = path.resolve().parent.name if path.name == _CONFIG else path.stem
        return _of_file(path, source=str(path), given=str(path), title=title)
    if not (path / _CONFIG).exists():
        raise UsageError("the folder holds no config.json, so it is no model directory", got=given)
    if any((path / weights).is_file() for weights in _WEIGHTS):
        from fitwright.catalog.local import read_model_directory

        return read_model_directory(path)
    config = path / _CONFIG
    return _of_file(config, source=str(config), given=str(path), title=path.resolve().name)


def _of_file(path: Path, *, source: str, given: str, title: str) -> ModelSpec:
    from fitwright.catalog import config_file
    from fitwright.sizing.configured import model_of

    return model_of(config_file.read(path), source=source, model_id=given, title=title)
