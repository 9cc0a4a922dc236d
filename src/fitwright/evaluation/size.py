"""Bytes that an engine loads: its weights or graph file alone. The tokenizer is the same for every engine."""

from __future__ import annotations

import json
import math
from pathlib import Path

from fitwright.core.errors import UsageError
from fitwright.engines.artefact import Artefact
from fitwright.engines.onnxruntime import NAME as ONNXRUNTIME
from fitwright.engines.onnxruntime import STANDARD_PATH
from fitwright.spec.quantity import Quantity

SIZE_NOTE = "bytes of the weights or graph file; tokenizer and config not counted"


def engine_bytes(directory: Path, engine: str) -> int:
    """Bytes of the file or files with the weights that ``engine`` loads from ``directory``.

    Raises:
        UsageError: the directory has no file for that engine.
    """
    files = _files(Path(directory), engine)
    if not files:
        raise UsageError(f"{directory} has no file for the engine", got=engine)
    return sum(file.stat().st_size for file in files)


def measure_size(directory: Path, engine: str) -> Quantity:
    """:func:`engine_bytes` as an exact quantity."""
    return Quantity.exact(engine_bytes(directory, engine), "B", note=SIZE_NOTE)


def count_parameters(directory: Path) -> int | None:
    """Values in a model directory's safetensors files, read from their headers; ``None`` without weights.

    Safetensors holds each shared tensor once. Known error: a buffer that an old checkpoint stored is counted.
    Source: the safetensors format, an 8-byte little-endian length and a JSON header.
    """
    files = sorted(Path(directory).glob("model*.safetensors"))
    if not files:
        return None
    total = 0
    for file in files:
        with file.open("rb") as stream:
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        total += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    return total


def _files(directory: Path, engine: str) -> list[Path]:
    if engine != ONNXRUNTIME:
        return sorted(directory.glob("model*.safetensors"))
    manifest = Artefact.open(directory).manifest
    entry = manifest.engines.get(engine, {}) if manifest is not None else {}
    file = directory / entry.get("path", STANDARD_PATH)
    return [file] if file.is_file() else []
