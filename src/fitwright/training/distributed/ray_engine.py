"""A run in the workers of a Ray cluster: started again from the last checkpoint when one of them dies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwright.core.errors import FitwrightError, PeerError, RunError, UsageError
from fitwright.core.optional import require

MOST_RESTARTS = 3
"""Times that a run is started again after a worker died."""


def on_ray(work: Callable[[], Any], *, workers: int, least: int, address: str | None, storage: Path) -> None:
    """Run ``work`` in that many workers at once, which torch joins; until it has ended well in all.

    Args:
        work: the whole run, as one of its processes sees it; it goes on from its own checkpoint.
        workers: processes.
        least: with how many it may go on after a node was lost for good.
        address: of the cluster; by default the one that this machine belongs to, else one of its own.
        storage: a folder that all nodes share, for what Ray notes down.

    Raises:
        UsageError: fewer than one worker, or no such cluster.
        RunError: it failed again and again.
    """
    if not 1 <= least <= workers:
        raise UsageError("workers must be at least 1", got=f"{least} to {workers}")
    ray, train = require("ray"), require("ray.train")
    torch, ray_torch = require("torch"), require("ray.train.torch")
    started = not ray.is_initialized()
    if started:
        _connect(ray, address)
    gpus = bool(torch.cuda.is_available())
    trainer = ray_torch.TorchTrainer(
        _Worker(work),
        torch_config=ray_torch.TorchConfig(backend="cpu:gloo,cuda:nccl" if gpus else "gloo"),
        scaling_config=train.ScalingConfig(
            num_workers=workers if least == workers else (least, workers), use_gpu=gpus
        ),
        run_config=train.RunConfig(
            name="ray", storage_path=str(storage.resolve()),
            failure_config=train.FailureConfig(max_failures=MOST_RESTARTS),
        ),
    )  # fmt: skip
    try:
        trainer.fit()
    except train.TrainingFailedError as error:
        raise _plain(error) from error
    finally:
        if started:
            ray.shutdown()


def _connect(ray: Any, address: str | None) -> None:
    """Join a cluster. Workers find this package where this process finds it."""
    paths = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    try:
        ray.init(
            address=address, log_to_driver=True, include_dashboard=False, runtime_env={"env_vars": paths}
        )
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            "there is no Ray cluster", got=address,
            mend="Start one with 'ray start --head', or leave --address out.",
        ) from error  # fmt: skip


class _Worker:
    """What a worker runs. A callable of one class, so that Ray sends it by its name."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work
        self.__name__ = "fitwright_train"

    def __call__(self) -> None:
        try:
            self.work()
        except PeerError as error:
            raise RuntimeError("another worker failed") from error
        except FitwrightError as error:
            raise ToldError(str(error)) from error


class ToldError(RuntimeError):
    """A worker's own one-line message, on its way to the process that started the run."""


def _plain(error: Exception) -> RunError:
    """The first worker's own words, where one had some; Ray hands over tracebacks as text."""
    failures: dict[int, Exception] = getattr(error, "worker_failures", {})
    texts = [str(failure) for _, failure in sorted(failures.items())] or [str(error)]
    for text in texts:
        _, found, words = text.rpartition(f"{ToldError.__name__}: ")
        if found:
            return RunError(words.strip().partition("\n")[0])
    last = (texts[0].strip().splitlines() or [type(error).__name__])[-1]
    return RunError(
        f"the workers failed again and again; the last time: {last[:300]}",
        mend="The same command continues where the run stopped.",
    )
