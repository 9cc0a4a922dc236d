"""Rows of many requests into few engine calls.

The token-budget batcher never waits for company: an idle engine starts at once, and what arrives while it
works becomes the next round. A round is sorted by length and cut where a batch would pass the budget of
padded tokens, so that a short row is not padded to a long one. The queue is bounded, rows of requests that
were cancelled are dropped before they cost anything, and closing answers what is queued.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fitwright.serving.errors import EngineFailedError, NotReadyError, QueueFullError

log = logging.getLogger(__name__)

RunBatch = Callable[[list[list[int]]], NDArray[np.float32]]
"""B rows of token ids → (B, C) logits. Called in one worker thread, never twice at a time."""


class Batcher(Protocol):
    """Where requests meet the engine."""

    @property
    def waiting_rows(self) -> int:
        """Rows taken and not yet in an engine call."""
        ...

    async def start(self) -> None:
        """Begin to take rows. Call it inside the running event loop."""
        ...

    async def logits(self, token_ids: Sequence[list[int]]) -> NDArray[np.float32]:
        """N rows of token ids → (N, C) logits in their order, whatever batches they were computed in.

        Cancelling the caller drops the rows that have not started.

        Raises:
            QueueFullError: too many rows wait already; none of these was taken.
            NotReadyError: not started yet, or closing.
            EngineFailedError: the engine raised on a batch with one of these rows.
        """
        ...

    async def close(self) -> None:
        """Take no more, answer what is queued, then stop."""
        ...


@dataclass(eq=False)
class _Request:
    answer: asyncio.Future[NDArray[np.float32]]
    missing: int
    rows: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def put(self, index: int, logits_C: NDArray[np.float32]) -> None:
        self.rows[index] = logits_C
        self.missing -= 1
        if self.missing == 0 and not self.answer.done():
            self.answer.set_result(np.stack([self.rows[i] for i in range(len(self.rows))]))


@dataclass(frozen=True, eq=False)
class _Row:
    request: _Request
    index: int
    token_ids: list[int]


class TokenBudgetBatcher:
    """The simple batcher: one engine, one worker thread, first come in rounds."""

    def __init__(self, run: RunBatch, *, max_batch_tokens: int, max_queue_rows: int) -> None:
        self._run, self._max_batch_tokens, self._max_queue_rows = run, max_batch_tokens, max_queue_rows
        self._queue: list[_Row] = []
        self._arrived = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._closing = False
        self._waiting_rows = 0
        self._row_s = 0.01  # moving average of engine seconds per row, for Retry-After

    @property
    def waiting_rows(self) -> int:
        return self._waiting_rows

    async def start(self) -> None:
        self._worker = asyncio.create_task(self._work(), name="batcher")

    async def logits(self, token_ids: Sequence[list[int]]) -> NDArray[np.float32]:
        if self._worker is None or self._closing:
            raise NotReadyError("the service is stopping" if self._closing else "the model is loading")
        if not token_ids:
            raise ValueError("no rows")
        if self._waiting_rows + len(token_ids) > self._max_queue_rows:
            self._drop_cancelled()
        if self._waiting_rows + len(token_ids) > self._max_queue_rows:
            retry_after_s = min(60, max(1, math.ceil(self._waiting_rows * self._row_s)))
            raise QueueFullError(self._waiting_rows, self._max_queue_rows, retry_after_s)
        request = _Request(asyncio.get_running_loop().create_future(), missing=len(token_ids))
        self._queue += [_Row(request, index, ids) for index, ids in enumerate(token_ids)]
        self._waiting_rows += len(token_ids)
        self._arrived.set()
        return await request.answer

    async def close(self) -> None:
        self._closing = True
        self._arrived.set()
        if self._worker is not None:
            await self._worker

    def _drop_cancelled(self) -> None:
        alive = [row for row in self._queue if not row.request.answer.done()]
        self._waiting_rows -= len(self._queue) - len(alive)
        self._queue = alive

    async def _work(self) -> None:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine") as pool:
            while not self._closing or self._queue:
                await self._arrived.wait()
                self._arrived.clear()
                self._drop_cancelled()
                batches = list(cut(self._queue, self._max_batch_tokens))
                self._queue = []
                for batch in batches:
                    await self._run_batch(batch, pool)

    async def _run_batch(self, batch: list[_Row], pool: ThreadPoolExecutor) -> None:
        self._waiting_rows -= len(batch)
        rows = [row for row in batch if not row.request.answer.done()]
        if not rows:
            return
        started_s = time.perf_counter()
        try:
            call = asyncio.get_running_loop().run_in_executor(pool, self._run, [r.token_ids for r in rows])
            logits_BC = await call
        except Exception:  # whatever the engine raises, the service lives on and says 500
            log.exception("the engine failed on a batch of %d rows", len(rows))
            for row in rows:
                if not row.request.answer.done():
                    row.request.answer.set_exception(EngineFailedError("the engine failed on this input"))
            return
        self._row_s += 0.1 * ((time.perf_counter() - started_s) / len(rows) - self._row_s)
        for row, logits_C in zip(rows, logits_BC, strict=True):
            row.request.put(row.index, logits_C)


def cut(rows: Sequence[_Row], max_batch_tokens: int) -> Iterator[list[_Row]]:
    """Batches of ``rows``, shortest first, each at most ``max_batch_tokens`` once padded to its longest row.

    A single row above the budget is a batch of its own.
    """
    batch: list[_Row] = []
    for row in sorted(rows, key=lambda row: len(row.token_ids)):
        if batch and (len(batch) + 1) * len(row.token_ids) > max_batch_tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
