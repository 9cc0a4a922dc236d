"""Work for a Ray cluster, item by item: several at once, a lost one begun again, progress as it comes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

from fitwright.core.errors import FitwrightError, RunError, UsageError
from fitwright.core.optional import require
from fitwright.core.ray_cluster import most_cpus_of_a_node

Item = TypeVar("Item", bound=Hashable)
Tell = Callable[[Any], None]

MOST_RESTARTS = 3
"""Times that an item is begun again after its worker or its node died."""

TELL_S, LISTEN_S = 0.5, 0.2
"""Seconds between two messages of an item, at least; and between two looks for messages."""


def side_by_side(
    ray: Any,
    work: Callable[[Item, Tell], Any],
    items: Iterator[Item],
    *,
    most: int,
    cpus: int,
    hear: Callable[[Item, Any], None],
) -> Iterator[tuple[Item, Any]]:
    """Do ``work`` on every item in workers of a cluster; gives each item with its answer, as they end.

    Args:
        ray: connected (:func:`~fitwright.core.ray_cluster.on_cluster`).
        work: gets the item, and a function that tells how far it is; has to bear being begun again.
        items: the next is asked for when there is room for it, so it may depend on the answers so far.
        most: at once.
        cpus: that each needs.
        hear: is told here what ``work`` tells, the latest of it.

    Raises:
        UsageError: no node has that many CPUs. FitwrightError: what ``work`` raised. RunError: it raised
            something else, or workers died again and again at the same item.
    """
    if cpus > (largest := most_cpus_of_a_node(ray)):  # Ray would wait for such a node without a word
        raise UsageError(
            "no node of the Ray cluster has as many CPUs as each worker is to have", got=cpus,
            allowed=f"up to {largest}, which the largest node has",
            mend="Give fewer --threads, or add a larger node.",
        )  # fmt: skip
    said = require("ray.util.queue").Queue(actor_options={"num_cpus": 0, "max_restarts": -1})
    start = ray.remote(num_cpus=cpus, max_retries=MOST_RESTARTS)(_do)
    shared = ray.put(work)  # once, however large
    under_way: dict[Any, Item] = {}
    try:
        while True:
            while len(under_way) < most and (item := next(items, None)) is not None:
                under_way[start.remote(shared, item, said)] = item
            if not under_way:
                return
            done, _ = ray.wait(list(under_way), timeout=LISTEN_S)
            for one, what in _heard(said).items():
                hear(one, what)
            for task in done:
                one = under_way.pop(task)
                yield one, _answer(ray, task, one)
    finally:
        for task in under_way:
            ray.cancel(task, force=True)
        said.shutdown(force=True)


def _do(work: Callable[[Any, Tell], Any], item: Any, said: Any) -> tuple[str, Any]:
    """In a worker: the answer, or what went wrong, in a form that travels."""
    last_s = 0.0

    def tell(what: Any) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= TELL_S:
            last_s = time.monotonic()
            with contextlib.suppress(Exception):  # whoever listened is gone: no reason to stop
                said.put((item, what))

    try:
        return "done", work(item, tell)
    except FitwrightError as error:
        return "failed", (str(error), error.exit_code)


def _heard(said: Any) -> dict[Any, Any]:
    """The latest of what each item told since."""
    with contextlib.suppress(Exception):  # its keeper is being started again elsewhere
        return dict(said.get_nowait_batch(said.qsize()))
    return {}


def _answer(ray: Any, task: Any, item: Any) -> Any:
    try:
        how, what = ray.get(task)
    except ray.exceptions.RayTaskError as error:  # what the code raised; Ray does not begin it again for that
        cause = getattr(error, "cause", error)
        raise RunError(f"{item}: {type(cause).__name__}: {str(cause).strip()[:300]}") from error
    except ray.exceptions.RayError as error:
        last = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise RunError(
            f"{item}: its worker failed again and again; the last time: {last[:300]}",
            mend="The same command goes on where it stopped.",
        ) from error
    if how == "done":
        return what
    text, exit_code = what
    failed = RunError(f"{item}: {text}")
    failed.exit_code = exit_code
    raise failed
