"""The processes that train together, and how they agree. Of one process alone everything here does nothing.

What is agreed on are a few bytes; they go through Gloo on the CPU, whatever carries the gradients.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from fitwright.core.errors import FitwrightError, PeerError, UsageError
from fitwright.training.distributed.launch import Launch, launched
from fitwright.training.step import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup, Store

T = TypeVar("T")

WAIT = timedelta(hours=1)
"""How long one process waits for the others: rank 0 may evaluate or write meanwhile."""

_MOST = 8
"""Values of an attempt, at most: a process that failed does not know how many the others have."""

_FAILED = "fitwright/failed"


class World:
    """All processes of the run, seen from this one.

    Attributes:
        rank, size, local_rank: see :class:`~fitwright.training.distributed.launch.Launch`.
    """

    def __init__(
        self,
        launch: Launch | None = None,
        control: ProcessGroup | None = None,
        store: Store | None = None,
        *,
        owned: bool = False,
    ) -> None:
        launch = launch or Launch()
        self.rank, self.size, self.local_rank = launch.rank, launch.size, launch.local_rank
        self._control, self._store, self._owned = control, store, owned

    @property
    def is_first(self) -> bool:
        """Whether this is the process that talks and writes."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """This process's own device."""
        import torch

        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda") if self.size == 1 else torch.device("cuda", self.local_rank)

    def gather(self, value: T) -> list[T]:
        """Every rank's value, by rank, on every rank."""
        if self.size == 1:
            return [value]
        import torch.distributed as dist

        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self._control)
        return found

    def first(self, compute: Callable[[], T]) -> T:
        """What rank 0 computes, on every rank. Where it fails there, it fails everywhere.

        Raises:
            PeerError: on the other ranks, when rank 0 failed.
        """
        if self.size == 1:
            return compute()
        import torch.distributed as dist

        box: list[Any] = [None, None]
        error: Exception | None = None
        if self.is_first:
            try:
                box[0] = compute()
            except Exception as problem:
                error, box[1] = problem, _exit_code(problem)
        dist.broadcast_object_list(box, src=0, group=self._control)
        if error is not None:
            raise error
        if box[1] is not None:
            raise PeerError(exit_code=box[1])
        found: T = box[0]
        return found

    def decides(self, answer: bool) -> bool:
        """Rank 0's answer, on every rank: for whatever depends on a clock."""
        return bool(self._reduced([float(answer and self.is_first)])[0])

    def total(self, value: float) -> float:
        """The sum over ranks, the same bits on each."""
        return self._reduced([value])[0]

    def totals(self, values: Sequence[float]) -> Sequence[float]:
        """The sum of each over ranks."""
        return self._reduced(list(values))

    def attempt(self, compute: Callable[[], Sequence[float]]) -> Sequence[float]:
        """The sums over ranks of what each computes by itself. Where one fails, all fail, in the same way.

        Raises:
            MemoryError: memory did not suffice somewhere, which all can mend together.
            PeerError: another rank failed otherwise.
        """
        if self.size == 1:
            return compute()
        values, error = [0.0] * _MOST, None
        try:
            values = list(compute())
        except Exception as problem:
            error = problem
        padded = [*values, *[0.0] * (_MOST - len(values))]
        *totals, failures = self._reduced([*padded, float(error is not None)])
        if not failures:
            return totals[: len(values)]
        outcomes = self.gather(None if error is None else (is_out_of_memory(error), _exit_code(error)))
        other = [rank for rank, outcome in enumerate(outcomes) if outcome and not outcome[0]]
        if not other:
            raise error or MemoryError("out of memory in another process")
        if other[0] == self.rank and error is not None:
            raise error
        raise PeerError(exit_code=(outcomes[other[0]] or (False, 3))[1]) from error

    def broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        """Rank 0's tensor, which is on the CPU, in the place of every rank's."""
        import torch.distributed as dist

        dist.broadcast(tensor, src=0, group=self._control)
        return tensor

    def check_same(self, key: str) -> None:
        """Make sure that all were given the same thing.

        Raises:
            UsageError: on every rank, if not.
        """
        if len(set(self.gather(key))) > 1:
            raise UsageError(
                "the processes were not given the same data, model and settings",
                mend="Start the same command everywhere, with the same files at hand.",
            )

    def claim(self) -> bool:
        """Whether this is the first process to fail, whose error is to be told."""
        if self._store is None:
            return True
        try:
            return self._store.add(_FAILED, 1) == 1
        except RuntimeError:  # its keeper is gone
            return True

    def leave(self) -> None:
        """Give up the connections, if they are this run's own."""
        if not self._owned:
            return
        import torch.distributed as dist

        with contextlib.suppress(RuntimeError):  # some may be broken already
            dist.destroy_process_group()

    def _reduced(self, values: list[float]) -> list[float]:
        if self.size == 1:
            return values
        import torch
        import torch.distributed as dist

        sums = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(sums, group=self._control)
        return list(sums.tolist())


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return 130
    return error.exit_code if isinstance(error, FitwrightError) else FitwrightError.exit_code


_current: contextvars.ContextVar[World | None] = contextvars.ContextVar("world", default=None)


def current_world() -> World:
    """The world of the :func:`joined` block around, else this process alone."""
    return _current.get() or World()


@contextlib.contextmanager
def joined() -> Iterator[World]:
    """Inside the block this process is one of those that its launcher started; alone without a launcher.

    However many fail, one tells why; what the others raise is a quiet :class:`PeerError`.
    """
    launch = launched()
    if launch.size == 1:
        yield World()
        return
    world = _join(launch)
    token = _current.set(world)
    try:
        yield world
    except PeerError:
        raise
    except BaseException as error:
        lost = _is_lost_connection(error)
        if not world.claim():
            raise PeerError(exit_code=_exit_code(error)) from error
        if lost:
            raise PeerError("another process of this run ended without a word", exit_code=3) from error
        raise
    finally:
        _current.reset(token)
        world.leave()


def _join(launch: Launch) -> World:
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        if launch.local_rank >= torch.cuda.device_count():
            raise UsageError(
                "there are more processes on this machine than GPUs", got=launch.local_rank + 1,
                allowed=f"--nproc-per-node {torch.cuda.device_count()} at most",
            )  # fmt: skip
        torch.cuda.set_device(launch.local_rank)
    store, owned = None, not dist.is_initialized()
    if owned:  # Ray Train has done it already
        store, rank, size = next(iter(dist.rendezvous("env://")))
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=WAIT)
    control = dist.new_group(backend="gloo", timeout=WAIT)
    return World(launch, control, store, owned=owned)


def _is_lost_connection(error: BaseException) -> bool:
    """Whether a message could not be delivered: the other end is gone."""
    return isinstance(error, RuntimeError) and any(
        name in str(error) for name in ("gloo", "NCCL", "TCPStore")
    )
