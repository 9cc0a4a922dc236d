"""How processes share a run: every one takes some rows of each step, and the gradient is that of all rows.

``ddp``: each process has the whole model, and gradients are added up once a step. ``fsdp``: each has a part
of every layer's weights, and layers are put together while they are computed. Why not torch's
``DistributedDataParallel``: docs/decisions/0008-several-processes.md.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fitwright.core.errors import RunError, UsageError
from fitwright.training.distributed.gradients import sum_gradients
from fitwright.training.distributed.rows import dealt
from fitwright.training.distributed.sharding import shard, whole
from fitwright.training.distributed.world import World, current_world
from fitwright.training.step import cut, is_out_of_memory

if TYPE_CHECKING:
    import torch
    from torch import nn

    Pair = tuple[torch.Tensor, torch.Tensor]

T = TypeVar("T")

SHARD_ABOVE = 0.6
"""``auto`` spreads a model whose weights, gradients and moments would fill more of a GPU than this."""

_BYTES_TRAINED, _BYTES_FROZEN = 16, 4
"""Bytes a parameter takes in fp32: with gradient and AdamW's two moments, and without."""


class Team:
    """The processes of a run and the way they share it; one process alone is a team too.

    Attributes:
        world: who they are.
        mode: ``none`` (one process), ``ddp`` or ``fsdp``.
        device: this process's own.
    """

    def __init__(self, asked: str = "auto", world: World | None = None) -> None:
        self.world = world or current_world()
        self.device = self.world.device
        self.mode = "none" if self.world.size == 1 else asked
        self._plain: nn.Module | None = None

    def prepare(self, model: nn.Module) -> nn.Module:
        """The model on this process's device, with rank 0's weights, sharded where the mode is ``fsdp``."""
        if self.mode == "auto":
            self.mode = "fsdp" if _fills(model, self.device) else "ddp"
        if self.mode == "none":
            return model.to(self.device)
        import torch
        import torch.distributed as dist

        if self.mode == "fsdp" and self.world.is_first:
            self._plain = copy.deepcopy(model)  # what is saved in the end
        model.to(self.device)
        for tensor in (*model.parameters(), *model.buffers()):
            dist.broadcast(tensor.detach(), src=0)
        if self.mode == "fsdp":
            shard(model, self.device.type, self.world.size)
        if not self.world.is_first:
            torch.manual_seed(self.seed(torch.initial_seed()))
        return model

    def seed(self, seed: int) -> int:
        """This process's own seed: for what has to differ among the processes, such as dropout."""
        if self.world.is_first:
            return seed
        return int(np.random.SeedSequence((seed, self.world.rank)).generate_state(1)[0])

    def largest_share(self, rows: Sequence[int], lengths: Sequence[int]) -> int:
        """Rows of the process that has most of them in that step."""
        return len(rows) if self.mode == "none" else max(map(len, dealt(rows, lengths, self.world.size)))

    def micro_batches(
        self, rows: Sequence[int], lengths: Sequence[int], parts: int
    ) -> list[tuple[list[int], bool]]:
        """This process's rows of a step in at most ``parts`` parts, and whether each counts.

        Sharded layers are computed by all at once: there a process that is out of rows computes one that
        does not count.
        """
        if self.mode == "none":
            return [(part, True) for part in cut(rows, parts)]
        shares = dealt(rows, lengths, self.world.size)
        mine = [(part, True) for part in cut(shares[self.world.rank], parts) if part]
        if self.mode == "fsdp":
            most = len(cut(max(shares, key=len), parts))
            mine += [(list(rows[:1]), False)] * (most - len(mine))
        return mine

    def check(self, precision: str, *, coupled: bool) -> None:
        """Refuse what several processes cannot do.

        Args:
            precision: of the run.
            coupled: whether the loss couples the rows of a step (``training.coupled``).

        Raises:
            UsageError: that.
        """
        if coupled and self.mode == "fsdp":
            raise UsageError(
                "a loss that contrasts all rows of a step does not go with sharded layers",
                got="parallel=fsdp", mend="Use --parallel ddp; --micro-batches saves memory.",
            )  # fmt: skip
        if precision == "fp16" and self.mode == "fsdp":
            raise UsageError(
                "fp16 does not go with sharded layers", got="parallel=fsdp",
                mend="Use --precision bf16, or --parallel ddp.",
            )  # fmt: skip

    def clip(self, model: nn.Module, limit: float) -> float:
        """Scale the gradients of the step down to that norm; the norm that they had."""
        import torch

        return float(self.whole(torch.nn.utils.clip_grad_norm_(model.parameters(), limit)))

    def attempt(self, compute: Callable[[], Sequence[float]]) -> Sequence[float]:
        """The sums over all processes of what each computes by itself; where one fails, all fail.

        Raises:
            MemoryError, RuntimeError: memory did not suffice somewhere; all may try again in smaller parts.
            RunError: it did not suffice, and the layers are sharded: the others are in the middle of one.
        """
        if self.mode != "fsdp":
            return self.world.attempt(compute)
        try:
            value = compute()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise RunError(
                f"memory does not suffice in process {self.world.rank}",
                mend="Sharded layers cannot be tried again in smaller parts: give a larger --micro-batches.",
            ) from error
        return self.world.totals(value)

    def exchange(self, compute: Callable[[], Pair | None]) -> list[Pair | None]:
        """What every process computes of its rows, tensors on this one's device; a failure fails all.

        For use inside :meth:`attempt`, which tells who failed and why.
        """
        if self.mode == "none":
            return [compute()]
        mine: Pair | None = None
        error: Exception | None = None
        try:
            mine = compute()
        except Exception as problem:
            error = problem
        found = self.world.gather((error is None, mine and (mine[0].cpu(), mine[1].cpu())))
        if error is not None:
            raise error
        if not all(went_well for went_well, _ in found):
            raise MemoryError("another process failed")  # of whatever kind: attempt asks that one
        return [rows and (rows[0].to(self.device), rows[1].to(self.device)) for _, rows in found]

    def sum_gradients(self, model: nn.Module) -> None:
        """Make each process's gradients those of the whole step; sharded layers have done it already."""
        if self.mode == "ddp":
            sum_gradients(model)

    def whole(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor itself, or what its shards make together."""
        return whole(tensor) if self.mode == "fsdp" else tensor

    def gathered(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Whole tensors by name, in rank 0; nothing elsewhere. All processes must ask for the same."""
        found = {}
        for name, tensor in tensors:
            full = self.whole(tensor.detach())
            if self.world.is_first:
                found[name] = full.cpu() if self.mode == "fsdp" else full
        return found

    def spread(self, tensors: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
        """Rank 0's tensors by name, one after the other, in every process."""
        if self.world.size == 1:
            yield from tensors.items()
            return
        import torch

        listed = [(name, tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()]
        for name, shape, dtype in self.world.first(lambda: listed):
            tensor = tensors[name] if self.world.is_first else torch.empty(shape, dtype=dtype)
            yield name, self.world.broadcast(tensor)

    def evaluated(self, compute: Callable[[], T]) -> T:
        """Rank 0's answer. Sharded layers need all to compute it, else the others wait."""
        if self.mode != "fsdp":
            return self.world.first(compute)
        answer = compute()
        return self.world.first(lambda: answer)

    def finished(self, model: nn.Module) -> nn.Module:
        """The model that rank 0 saves, once it has the best weights; of no use in the other processes."""
        return (self._plain or model).eval()


def _fills(model: nn.Module, device: torch.device) -> bool:
    """Whether training that model in fp32 would fill most of a GPU before its first activation."""
    import torch

    if device.type != "cuda":
        return False
    bytes_each = (
        p.numel() * (_BYTES_TRAINED if p.requires_grad else _BYTES_FROZEN) for p in model.parameters()
    )
    return sum(bytes_each) > SHARD_ABOVE * torch.cuda.get_device_properties(device).total_memory
