"""Checkpoints: everything that the next step depends on, whole or absent, without pickle.

A checkpoint is a folder: ``state.safetensors`` (weights that train, optimiser moments, random states, best
weights) and ``state.json`` (counters and curve). It is written beside the old one and swapped in. Frozen
weights are those that the run starts from, so they are left out.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import RunError, UsageError
from fitwright.core.files import new_directory, plain_os_errors, read_json, write_json
from fitwright.core.optional import require
from fitwright.modeling.weights import plain_weight_errors
from fitwright.training.distributed.sharding import part_of
from fitwright.training.distributed.team import Team

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
    team: Team,
) -> None:
    """Write a checkpoint that :func:`load_checkpoint` continues from to the same bits; rank 0 does."""
    named = [(f"model/{k}", v) for k, v in trained_state(model).items()]
    for index, moments in optimizer.state_dict()["state"].items():
        named += [(f"optimizer/{index}/{k}", v) for k, v in moments.items()]
    tensors = {name: tensor.contiguous() for name, tensor in team.gathered(named).items()}
    tensors |= {f"best/{k}": v.contiguous() for k, v in (best or {}).items()}
    for rank, states in enumerate(team.world.gather(_random_states())):
        tensors |= {f"random/{_of(rank, name)}": state for name, state in states.items()}

    def write() -> None:
        with new_directory(folder) as work, plain_os_errors("write", folder):
            _save_tensors(tensors, work / _TENSORS)
            write_json(work / COUNTERS_NAME, counters)

    team.world.first(write)


def _random_states() -> dict[str, torch.Tensor]:
    """Of this process's generators, by device."""
    import torch

    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def _of(rank: int, name: str) -> str:
    return name if rank == 0 else f"{name}/{rank}"


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
    folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, team: Team
) -> tuple[dict[str, Any], dict[str, torch.Tensor] | None] | None:
    """Restore model, optimiser and random states; ``None`` where there is no usable checkpoint.

    Rank 0 reads it. Any number of processes continues what any other number has written.

    Returns:
        The counters, and in rank 0 the best weights so far.
    """
    tensors: dict[str, torch.Tensor] = {}

    def read() -> dict[str, Any] | None:
        if not (folder / COUNTERS_NAME).is_file():
            return None
        tensors.update(_read_tensors(folder))
        try:
            counters: dict[str, Any] = read_json(folder / COUNTERS_NAME, what="checkpoint")
        except UsageError as error:
            raise _damaged(folder, error) from error
        return counters

    counters = team.world.first(read)
    if counters is None:
        return None
    best = {name.removeprefix("best/"): tensors.pop(name) for name in list(tensors) if name[:5] == "best/"}
    own = trained_state(model)
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    weights: dict[str, torch.Tensor] = {}
    state: dict[int, dict[str, torch.Tensor]] = {}
    random: dict[str, torch.Tensor] = {}
    for name, tensor in team.spread(tensors):
        part, _, rest = name.partition("/")
        if part == "model":
            weights[rest] = part_of(tensor, own.get(rest, tensor))
        elif part == "optimizer":
            index, _, key = rest.partition("/")
            state.setdefault(int(index), {})[key] = part_of(tensor, trained[int(index)])
        else:
            random[rest] = tensor
    load_trained(model, weights)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    _restore_random(random, team.world.rank)
    return counters, best or None


def _read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    try:
        tensors: dict[str, torch.Tensor] = require("safetensors.torch").load_file(folder / _TENSORS)
    except Exception as error:  # truncated or damaged: safetensors raises its own family
        raise _damaged(folder, error) from error
    return tensors


def _damaged(folder: Path, error: Exception) -> RunError:
    return RunError(
        f"the checkpoint in {folder} is damaged ({type(error).__name__})",
        mend="Delete that folder to start this stage again.",
    )


def _restore_random(states: dict[str, torch.Tensor], rank: int) -> None:
    """This process's own states; one that was not there before goes on from rank 0's, apart from it."""
    import torch

    torch.set_rng_state(states.get(_of(rank, "cpu"), states["cpu"]))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states.get(_of(rank, "cuda"), states["cuda"]))
    if _of(rank, "cpu") not in states:
        torch.manual_seed(int(torch.randint(1 << 62, ())) + rank)


def drop_checkpoint(folder: Path) -> None:
    """Delete a checkpoint that is no longer needed."""
    shutil.rmtree(folder, ignore_errors=True)
