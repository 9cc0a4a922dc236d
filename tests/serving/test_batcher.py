"""The batcher behind its interface, with an engine that the test holds by the hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fitwright.serving.batcher import TokenBudgetBatcher, _Request, _Row, cut
from fitwright.serving.errors import EngineFailedError, NotReadyError, QueueFullError


class HeldEngine:
    """Answers (first token, length) for each row, once it is let go; keeps the batches that it saw."""

    def __init__(self, held: bool = False) -> None:
        self.batches: list[list[list[int]]] = []
        self.go = threading.Event()
        self.called = threading.Event()
        if not held:
            self.go.set()

    def __call__(self, token_ids: list[list[int]]) -> NDArray[np.float32]:
        self.batches.append(token_ids)
        self.called.set()
        assert self.go.wait(30)
        if any(ids[0] == 666 for ids in token_ids):
            raise RuntimeError("engine down")
        return np.array([[ids[0], len(ids)] for ids in token_ids], dtype=np.float32)


def row(first: int, length: int) -> list[int]:
    return [first, *[0] * (length - 1)]


def batcher(engine: HeldEngine, tokens: int = 100, rows: int = 50) -> TokenBudgetBatcher:
    return TokenBudgetBatcher(engine, max_batch_tokens=tokens, max_queue_rows=rows)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 30))


async def until(event: threading.Event) -> None:
    await asyncio.to_thread(event.wait, 30)


def test_each_request_gets_its_rows_in_its_order() -> None:
    async def scenario() -> None:
        engine = HeldEngine()
        one = batcher(engine)
        await one.start()
        requests = [[row(10 * r + i, 1 + (7 * i + r) % 40) for i in range(4)] for r in range(10)]
        answers = await asyncio.gather(*(one.logits(request) for request in requests))
        for request, answer in zip(requests, answers, strict=True):
            assert answer.tolist() == [[ids[0], len(ids)] for ids in request]
        for batch in engine.batches:
            assert len(batch) == 1 or len(batch) * max(map(len, batch)) <= 100
        await one.close()

    run(scenario())


def test_an_idle_engine_starts_at_once_and_a_busy_one_collects() -> None:
    async def scenario() -> None:
        engine = HeldEngine(held=True)
        one = batcher(engine)
        await one.start()
        first = asyncio.create_task(one.logits([row(1, 5)]))
        await until(engine.called)  # it never waits for company
        rest = [asyncio.create_task(one.logits([row(i, 5)])) for i in range(2, 12)]
        await asyncio.sleep(0)
        assert one.waiting_rows == 10
        engine.go.set()
        await asyncio.gather(first, *rest)
        assert [len(batch) for batch in engine.batches] == [1, 10]
        await one.close()

    run(scenario())


def test_a_full_queue_refuses_and_recovers() -> None:
    async def scenario() -> None:
        engine = HeldEngine(held=True)
        one = batcher(engine, rows=3)
        await one.start()
        first = asyncio.create_task(one.logits([row(1, 5)]))
        await until(engine.called)
        waiting = asyncio.create_task(one.logits([row(2, 5), row(3, 5)]))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError, match="2 of 3 rows are waiting") as caught:
            await one.logits([row(4, 5), row(5, 5)])
        assert caught.value.retry_after_s is not None
        assert 1 <= caught.value.retry_after_s <= 60
        last = asyncio.create_task(one.logits([row(6, 5)]))  # what still fits is taken
        await asyncio.sleep(0)
        engine.go.set()
        await asyncio.gather(first, waiting, last)
        assert (await one.logits([row(7, 5)] * 3)).shape == (3, 2)
        await one.close()

    run(scenario())


def test_cancelled_rows_never_reach_the_engine_and_free_the_queue() -> None:
    async def scenario() -> None:
        engine = HeldEngine(held=True)
        one = batcher(engine, rows=2)
        await one.start()
        first = asyncio.create_task(one.logits([row(1, 5)]))
        await until(engine.called)
        abandoned = asyncio.create_task(one.logits([row(2, 5), row(3, 5)]))
        await asyncio.sleep(0)
        abandoned.cancel()
        await asyncio.gather(abandoned, return_exceptions=True)
        kept = asyncio.create_task(one.logits([row(4, 5), row(5, 5)]))
        await asyncio.sleep(0)
        engine.go.set()
        await asyncio.gather(first, kept)
        assert sorted(ids[0] for batch in engine.batches for ids in batch) == [1, 4, 5]
        assert one.waiting_rows == 0
        await one.close()

    run(scenario())


def test_an_engine_that_fails_costs_only_its_batch(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        one = batcher(HeldEngine(), tokens=10)
        await one.start()
        bad, good = await asyncio.gather(
            one.logits([row(666, 10)]), one.logits([row(1, 5)]), return_exceptions=True
        )
        assert isinstance(bad, EngineFailedError)
        assert "engine down" not in str(bad)  # the cause is for the log
        assert isinstance(good, np.ndarray)
        assert (await one.logits([row(2, 5)])).tolist() == [[2, 5]]
        await one.close()

    run(scenario())
    assert "engine down" in caplog.text


def test_closing_answers_what_is_queued_and_takes_no_more() -> None:
    async def scenario() -> None:
        engine = HeldEngine(held=True)
        one = batcher(engine)
        with pytest.raises(NotReadyError, match="loading"):
            await one.logits([row(1, 5)])
        await one.start()
        asked = [asyncio.create_task(one.logits([row(i, 5)])) for i in range(5)]
        await until(engine.called)
        closing = asyncio.create_task(one.close())
        await asyncio.sleep(0)
        with pytest.raises(NotReadyError, match="stopping"):
            await one.logits([row(1, 5)])
        engine.go.set()
        assert len(await asyncio.gather(*asked)) == 5
        await closing

    run(scenario())


def test_closing_an_idle_batcher_ends() -> None:
    async def scenario() -> None:
        one = batcher(HeldEngine())
        await one.start()
        await one.close()

    run(scenario())


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 200))
def test_cut_keeps_every_row_once_within_the_budget(lengths: list[int], budget: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        request = _Request(loop.create_future(), missing=len(lengths))
        rows = [_Row(request, i, [0] * length) for i, length in enumerate(lengths)]
        batches = list(cut(rows, budget))
    finally:
        loop.close()
    assert sorted(one.index for batch in batches for one in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(len(one.token_ids) for one in batch) <= budget
