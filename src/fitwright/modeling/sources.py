"""From a name to a folder with weights: a local directory, the Hub's cache, or the Hub."""

from __future__ import annotations

from pathlib import Path

from fitwright.catalog.names import find
from fitwright.core.errors import RunError, UnknownModelError, UsageError
from fitwright.core.optional import require

_PATTERNS = ("*.json", "*.txt", "*.model", "model.safetensors", "model-*.safetensors")
"""What is fetched of a Hub repository: never pickles, never code."""


_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.gguf", "*.onnx")


def resolve_source(name: str, *, allow_download: bool = True, scratch: bool = False) -> Path:
    """Folder with ``config.json`` and safetensors weights for a path, catalogue name or Hub id.

    Args:
        name: see above; with ``scratch`` also the path of a ``config.json``.
        allow_download: whether the Hub may be asked.
        scratch: a local folder may have a config alone, no weights: the model is then built from it.

    Raises:
        UsageError: the folder exists and is no model directory.
        UnknownModelError: neither a folder nor a name that the catalogue or the Hub knows.
        RunError: known, but its weights are not here and the Hub cannot be reached.
    """
    path = Path(name).expanduser()
    if scratch and path.name == "config.json" and path.is_file():
        return _without_weights(path.parent)
    if path.is_dir():
        return _checked(path, scratch=scratch)
    if path.exists():
        raise UsageError("a model must be a folder, not a file", got=name, mend="Give the folder itself.")
    if name.startswith((".", "/", "~")):
        raise UnknownModelError(name, mend="There is no such folder.")
    hub_id = _hub_id(name)
    cached = cached_folder(hub_id)
    if cached is not None:
        return _checked(cached)
    if not allow_download:
        raise RunError(f"the weights of {hub_id} are not on this machine", mend="Allow downloads.")
    return _checked(_download(hub_id))


def cached_folder(hub_id: str) -> Path | None:
    """The Hub cache's newest snapshot of a repository that has config and weights, without network."""
    hub = require("huggingface_hub")
    found = hub.try_to_load_from_cache(hub_id, "config.json")
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    return folder if _has_weights(folder) else None


def _hub_id(name: str) -> str:
    try:
        return find(name).id
    except UnknownModelError:
        if name.count("/") == 1:
            return name
        raise


def _download(hub_id: str) -> Path:
    hub = require("huggingface_hub")
    try:
        return Path(hub.snapshot_download(hub_id, allow_patterns=list(_PATTERNS)))
    except Exception as error:  # the client raises a wide family: offline, proxy, DNS, 404, gated
        kind = type(error).__name__
        if "RepositoryNotFound" in kind:
            raise UnknownModelError(hub_id, mend="The Hub has no such public repository.") from error
        raise RunError(
            f"the weights of {hub_id} are not on this machine and the Hub cannot be reached ({kind})",
            mend="Go online, or give a local model directory with --model.",
        ) from error


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("model*.safetensors"))


def is_scratch(folder: Path) -> bool:
    """Whether a folder has a config and no weights of any kind: a model to build from its config."""
    return not _has_weights(folder) and not any(
        file for pattern in _OTHER_WEIGHTS for file in folder.glob(pattern)
    )


def _without_weights(folder: Path) -> Path:
    if not is_scratch(folder):
        raise UsageError(
            "the folder of this config has weights too, so it is unclear which is meant", got=str(folder),
            mend="Give the folder to start from the weights, or a copy of config.json elsewhere.",
        )  # fmt: skip
    return folder


def _checked(folder: Path, *, scratch: bool = False) -> Path:
    if not (folder / "config.json").is_file():
        raise UsageError("not a model directory: it has no config.json", got=str(folder))
    if not _has_weights(folder) and not (scratch and is_scratch(folder)):
        raise UsageError(
            "the model directory has no safetensors weights",
            got=str(folder),
            mend="Convert them first: load the model with transformers and save_pretrained() it.",
        )
    return folder
