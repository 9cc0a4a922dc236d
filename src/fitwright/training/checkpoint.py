"""Checkpoints: everything that the next step depends on, whole or absent, without pickle.

A checkpoint is a folder: ``state.safetensors`` (weights that train, optimiser moments, random states, best
weights) and ``state.json`` (counters and curve). It is written beside the old one and swapped in. Frozen
weights are those that the run starts from, so they are left out.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import RunError
from fitwright.core.files import new_directory, plain_os_errors, read_json, write_json
from fitwright.core.optional import require
from fitwright.modeling.weights import plain_weight_errors

if TYPE_CHECKING:
    import torch
    from torch import nn

_TENSORS, COUNTERS_NAME = "state.safetensors", "state.json"


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """The model's state without its frozen parameters; all of it where none is frozen."""
    frozen = {name for name, p in model.named_parameters(remove_duplicate=False) if not p.requires_grad}
    return {name: value for name, value in model.state_dict().items() if name not in frozen}


def load_trained(model: nn.Module, state: dict[str, torch.Tensor]) -> None:
    """Put back what :func:`trained_state` gave.

    Raises:
        RunError: it is that of a model in which other parameters train.
    """
    expected = trained_state(model).keys()
    if state.keys() != expected:
        raise RunError(
            "the checkpoint holds other parameters than those that train",
            got=sorted(state.keys() ^ expected)[0], mend="Delete its folder to start this stage again.",
        )  # fmt: skip
    model.load_state_dict(state, strict=False)


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    counters: dict[str, Any],
    best: dict[str, torch.Tensor] | None,
) -> None:
    """Write a checkpoint that :func:`load_checkpoint` continues from to the same bits."""
    import torch

    tensors = {f"model/{k}": v.detach().contiguous() for k, v in trained_state(model).items()}
    state = optimizer.state_dict()["state"]
    for index, moments in state.items():
        tensors |= {f"optimizer/{index}/{k}": v.contiguous() for k, v in moments.items()}
    tensors |= {f"best/{k}": v.contiguous() for k, v in (best or {}).items()}
    tensors["random/cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    with new_directory(folder) as work, plain_os_errors("write", folder):
        _save_tensors(tensors, work / _TENSORS)
        write_json(work / COUNTERS_NAME, counters)


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    clone = require("safetensors.torch")
    seen: set[int] = set()
    unique = {}
    for name, tensor in tensors.items():  # tied weights share storage, which the format refuses
        pointer = tensor.data_ptr()
        unique[name] = tensor.clone() if pointer in seen else tensor
        seen.add(pointer)
    with plain_weight_errors(path.parent):
        clone.save_file(unique, path)


def load_checkpoint(
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[dict[str, Any], dict[str, torch.Tensor] | None] | None:
    """Restore model, optimiser and random states; ``None`` where there is no usable checkpoint.

    Returns:
        The counters, and the best weights so far.
    """
    if not (folder / COUNTERS_NAME).is_file():
        return None
    import torch

    counters: dict[str, Any] = read_json(folder / COUNTERS_NAME, what="checkpoint")
    try:
        tensors = require("safetensors.torch").load_file(folder / _TENSORS)
    except Exception as error:  # truncated or damaged: safetensors raises its own family
        raise RunError(
            f"the checkpoint in {folder} is damaged ({type(error).__name__})",
            mend="Delete that folder to start this stage again.",
        ) from error
    parts: dict[str, dict[str, torch.Tensor]] = {"model": {}, "optimizer": {}, "best": {}, "random": {}}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = tensor
    load_trained(model, parts["model"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in parts["optimizer"].items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    torch.set_rng_state(parts["random"]["cpu"])
    if "cuda" in parts["random"] and torch.cuda.is_available():
        torch.cuda.set_rng_state(parts["random"]["cuda"])
    return counters, parts["best"] or None


def drop_checkpoint(folder: Path) -> None:
    """Delete a checkpoint that is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)
