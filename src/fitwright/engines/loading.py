"""From a directory and a name to a loaded engine, with the file checked against the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fitwright.core.errors import RunError, UsageError
from fitwright.core.files import sha256_file
from fitwright.engines import onnxruntime, pytorch
from fitwright.engines.artefact import Artefact
from fitwright.engines.interface import Engine

NAMES = (pytorch.NAME, onnxruntime.NAME)
"""Every engine there is, the reference first."""


def load_engine(directory: Path, name: str | None = None, *, threads: int | None = None) -> Engine:
    """Load the engine ``name`` of a model directory or a bundle.

    Args:
        directory: a model directory in the Hugging Face layout or a bundle.
        name: one of :func:`available_engines`; ``None`` takes the manifest's ``default_engine``, else
            torch where there are weights, else the first one there is.
        threads: of one run; ``None`` takes the engine's default.

    Raises:
        UsageError: no such directory, no classifier, or an engine that it does not have.
        RunError: a broken file, or one that is not the file that the manifest describes.
    """
    return engine_of(Artefact.open(Path(directory)), name, threads=threads)


def engine_of(artefact: Artefact, name: str | None = None, *, threads: int | None = None) -> Engine:
    """:func:`load_engine` for a directory that is already open."""
    if threads is not None and threads < 1:
        raise UsageError("threads must be at least 1", got=threads)
    chosen = check_engine(artefact, name)
    entry = _entry(artefact, chosen)
    if chosen == pytorch.NAME:
        precision = entry.get("precision", "fp32")
        return pytorch.TorchEngine.load(artefact.directory, precision=precision, threads=threads)
    path = artefact.directory / str(entry.get("path", onnxruntime.STANDARD_PATH))
    _check_fingerprint(path, entry.get("sha256"))
    precision = str(entry.get("precision", "unknown"))
    return onnxruntime.OnnxRuntimeEngine.load(path, precision=precision, threads=threads)


def check_engine(artefact: Artefact, name: str | None = None) -> str:
    """The name of the engine that :func:`engine_of` would load, found without loading anything.

    Raises:
        UsageError: no classifier, or an engine that the directory does not have.
    """
    artefact.require_classifier()
    return _choose(artefact, name)


def available_engines(directory: Path) -> tuple[str, ...]:
    """Names of the engines whose files ``directory`` has or whose manifest claims, torch first."""
    return _available(Artefact.open(Path(directory)))


def _available(artefact: Artefact) -> tuple[str, ...]:
    found = set(artefact.manifest.engines) if artefact.manifest is not None else set()
    if pytorch.has_weights(artefact.directory):
        found.add(pytorch.NAME)
    if (artefact.directory / onnxruntime.STANDARD_PATH).is_file():
        found.add(onnxruntime.NAME)
    return tuple(name for name in NAMES if name in found)


def _choose(artefact: Artefact, name: str | None) -> str:
    available = _available(artefact)
    default = artefact.manifest.default_engine if artefact.manifest is not None else None
    wanted = name or default or (available[0] if available else None)
    if wanted in available and wanted is not None:
        return wanted
    mend = "Run: fitwright export MODEL --output BUNDLE" if wanted == onnxruntime.NAME else None
    raise UsageError(
        f"{artefact.directory} has no such engine" if wanted else f"{artefact.directory} has no engine",
        got=wanted,
        allowed=", ".join(available) or "none: it has neither model.safetensors nor engine files",
        mend=mend,
    )


def _entry(artefact: Artefact, name: str) -> Mapping[str, Any]:
    entry = artefact.manifest.engines.get(name, {}) if artefact.manifest is not None else {}
    if not isinstance(entry, Mapping):
        raise UsageError("an engines entry of fitwright.json holds no object", got=name)
    return entry


def _check_fingerprint(path: Path, expected: str | None) -> None:
    if expected is None or not path.is_file():
        return
    if sha256_file(path) != expected:
        raise RunError(
            f"{path} is not the file that fitwright.json describes (its SHA-256 differs)",
            mend="Make the bundle again, or copy it again.",
        )
