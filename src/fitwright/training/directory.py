"""Finished model directories: whether one is already the asked-for result, and how one is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import new_directory, read_json, sha256_file, write_json, write_text
from fitwright.modeling.local_attention import local_attention_of
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.training.card import model_card
from fitwright.training.history import History, Point
from fitwright.training.method import ADAPTER_FOLDER, Adapter
from fitwright.training.tasks.interface import Task

if TYPE_CHECKING:
    from torch import nn

HISTORY_NAME = "history.json"


def is_finished(output: Path, key: str, *, overwrite: bool) -> bool:
    """Whether ``output`` already holds this very run.

    Raises:
        UsageError: it holds another result and ``overwrite`` is off, or something that is no result.
    """
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return False
    if not (output / MANIFEST_NAME).is_file():
        raise UsageError(
            "the output already holds something that fitwright did not make",
            got=str(output),
            mend="Choose another --output.",
        )
    if Manifest.read(output).made_from.get("key") == key:
        return True
    if not overwrite:
        raise UsageError(
            "the output folder already holds another result",
            got=str(output),
            mend="Choose another --output, or add --overwrite.",
        )
    return False


def weights_sha256(folder: Path) -> str:
    """One hash for what a run starts from: all safetensors files of a model directory, or without any the
    configuration and tokenizer of a model to be made from scratch."""
    files = sorted(folder.glob("model*.safetensors")) or [folder / "config.json", folder / "tokenizer.json"]
    hashes = [sha256_file(path) for path in files if path.is_file()]
    return hashes[0] if len(hashes) == 1 else "+".join(h[:16] for h in hashes)


def write_model_directory(
    model: nn.Module,
    output: Path,
    manifest: Manifest,
    history: History,
    events: Path,
    *,
    task: Task,
    source: Path,
    adapter: Adapter | None = None,
) -> None:
    """Write weights, config, tokenizer, manifest, card and curves; the folder appears whole.

    ``adapter``: what LoRA trained, kept beside the weights that it was merged into.
    """
    with new_directory(output) as work:
        task.save(model, source, work)
        if adapter is not None:
            adapter.save(work / ADAPTER_FOLDER, str(manifest.made_from.get("model")))
        manifest.write(work)
        write_json(work / HISTORY_NAME, history.as_json())
        write_text(work / "README.md", model_card(manifest, history, task, local_attention_of(model.config)))
        for file in sorted(events.glob("events.out.*")):
            (work / "runs").mkdir(exist_ok=True)
            (work / "runs" / file.name).write_bytes(file.read_bytes())


def read_history(folder: Path) -> History:
    """The curves of a model directory that :func:`write_model_directory` wrote."""
    data: Mapping[str, Any] = read_json(folder / HISTORY_NAME, what="training history")
    try:
        points, resumed = tuple(Point(**p) for p in data["points"]), tuple(data.get("resumed", ()))
        return History(**{**data, "points": points, "resumed": resumed})
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"{HISTORY_NAME} is damaged, or was written by another version of fitwright",
            got=str(folder / HISTORY_NAME), mend="Train the model again with this version.",
        ) from error  # fmt: skip
