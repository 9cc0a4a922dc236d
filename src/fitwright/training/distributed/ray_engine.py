"""A run in the workers of a Ray cluster: started again from the last checkpoint when one of them dies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitwright.core.errors import FitwrightError, PeerError, RunError
from fitwright.core.files import read_json, wait_for_lock, write_json
from fitwright.core.optional import require
from fitwright.core.ray_cluster import on_cluster

MOST_RESTARTS = 3
"""Times that a run is started again after a worker died."""

_TOLD = "told.json"


def on_ray(
    work: Callable[[], Any], *, workers: int, least: int, address: str | None, storage: Path, held: Path
) -> None:  # fmt: skip
    """Run ``work`` in that many workers at once, which torch joins; until it has ended well in all.

    Args:
        work: the whole run, as one of its processes sees it; it goes on from its own checkpoint.
        workers: processes.
        least: with how many it may go on after a node was lost; once there is room again it takes in more.
        address: of the cluster; by default the one that this machine belongs to, else one of its own.
        storage: a folder that all nodes share, for what Ray notes down.
        held: the folder that the run locks: one that is started again waits until the last has let go of it.

    Raises:
        UsageError: no such cluster.
        FitwrightError: what a worker said; that is not tried again.
        RunError: workers died again and again.
    """
    train, ray_torch = require("ray.train"), require("ray.train.torch")
    torch = require("torch")
    storage = storage.resolve()
    told = storage / _TOLD
    told.unlink(missing_ok=True)
    gpus = bool(torch.cuda.is_available())
    with on_cluster(address):
        trainer = ray_torch.TorchTrainer(
            _Worker(work, told, held),
            torch_config=ray_torch.TorchConfig(backend="cpu:gloo,cuda:nccl" if gpus else "gloo"),
            scaling_config=train.ScalingConfig(
                num_workers=workers if least == workers else (least, workers), use_gpu=gpus
            ),
            run_config=train.RunConfig(
                name="ray", storage_path=str(storage),
                failure_config=train.FailureConfig(max_failures=MOST_RESTARTS),
                logging_config=train.LoggingConfig(log_level="CRITICAL"),  # its files have the rest
                worker_runtime_env={"env_vars": {"RAY_TRAIN_ENABLE_PRINT_PATCH": "0"}},  # says all twice
            ),
        )  # fmt: skip
        try:
            trainer.fit()
        except train.TrainingFailedError as error:
            if not told.is_file():
                raise _plain(error) from error
    if told.is_file():
        raise _ToldError(**read_json(told, what="worker's message"))


class _Worker:
    """What a worker runs. A callable of one class, so that Ray sends it by its name."""

    def __init__(self, work: Callable[[], Any], told: Path, held: Path) -> None:
        self.work, self.told, self.held = work, told, held
        self.__name__ = "fitwright_train"

    def __call__(self) -> None:
        if self.told.is_file():  # started again after that: there is nothing to try
            return
        try:
            if require("ray.train").get_context().get_world_rank() == 0:
                wait_for_lock(self.held)
            self.work()
        except PeerError as error:
            raise RuntimeError("another worker failed or was lost") from error
        except FitwrightError as error:  # it would say so again
            write_json(self.told, {"what": str(error), "exit_code": error.exit_code})
            raise RuntimeError("a worker gave up") from error  # Ray stops those that wait for this one


class _ToldError(RunError):
    """A worker's own message, with its exit code."""

    def __init__(self, what: str, exit_code: int) -> None:
        super().__init__(what)
        self.exit_code = exit_code


def _plain(error: Exception) -> RunError:
    """What Ray has to say, in one line; it hands over tracebacks as text."""
    failures: dict[int, Exception] = getattr(error, "worker_failures", {})
    texts = [str(failure) for _, failure in sorted(failures.items())] or [str(error)]
    last = (texts[0].strip().splitlines() or [type(error).__name__])[-1]
    return RunError(
        f"the workers failed again and again; the last time: {last[:300]}",
        mend="The same command continues where the run stopped.",
    )
