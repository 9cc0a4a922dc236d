"""Streams of tensors shaped like a model's, as (slot, size in bytes) events; size -1 frees."""

from __future__ import annotations

import random


class Recorder:
    """Hands out slots and keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[int, int]] = []
        self._next = 0

    def new(self, size_bytes: int) -> int:
        slot, self._next = self._next, self._next + 1
        self.events.append((slot, size_bytes))
        return slot

    def free(self, *slots: int) -> None:
        self.events.extend((slot, -1) for slot in slots)


def training(
    layers: int, hidden: int, tokens: int, scores_bytes: int, steps: int, embedding_bytes: int = 96 << 20
) -> list[tuple[int, int]]:
    """Steps of a Transformer: activations pile up, are freed backwards for gradients; AdamW states stay."""
    record = Recorder()
    value, wide = 4 * tokens * hidden, 16 * tokens * hidden
    weights = [embedding_bytes] + [4 * hidden * hidden] * 4 * layers + [16 * hidden * hidden] * 2 * layers
    for size in weights:
        record.new(size)
    states: list[int] = []
    for _ in range(steps):
        stored = []
        for _ in range(layers):
            kept = [record.new(value) for _ in range(3)]
            scores = record.new(scores_bytes)
            kept.append(record.new(scores_bytes))
            record.free(scores)
            passing = record.new(value)
            kept += [record.new(value), record.new(wide), record.new(wide), record.new(value)]
            record.free(passing)
            stored.append(kept)
        gradients = [record.new(embedding_bytes)]
        passing = record.new(value)
        for kept in reversed(stored):
            for slot in reversed(kept):
                following = record.new(value)
                record.free(passing, slot)
                passing = following
            gradients += [record.new(4 * hidden * hidden) for _ in range(4)]
            gradients += [record.new(16 * hidden * hidden) for _ in range(2)]
        record.free(passing)
        if not states:
            states = [record.new(size) for size in weights for _ in range(2)]
        record.free(*gradients)
    return record.events


def holes(count: int, size_bytes: int) -> list[tuple[int, int]]:
    """Tensors of which every second is freed; then some too large for any hole."""
    record = Recorder()
    opener = record.new(31 << 20)
    record.free(opener)  # from here on malloc keeps all below 31 MiB in its heap
    slots = [record.new(size_bytes) for _ in range(count)]
    record.free(*slots[1::2])
    for _ in range(count // 4):
        record.new(2 * size_bytes + (1 << 20))
    return record.events


def mixed(count: int, largest_bytes: int, seed: int) -> list[tuple[int, int]]:
    """Random sizes from 1 byte to ``largest_bytes``, evenly in their logarithm; random lives."""
    chance = random.Random(seed)  # noqa: S311
    record, live = Recorder(), list[int]()
    for _ in range(count):
        while live and chance.random() < 0.45:
            record.free(live.pop(chance.randrange(len(live))))
        live.append(record.new(int(largest_bytes ** chance.random())))
    record.free(*live)
    return record.events


def peak_bytes(events: list[tuple[int, int]]) -> int:
    """The most bytes alive at once."""
    live: dict[int, int] = {}
    total = peak = 0
    for slot, size in events:
        total += -live.pop(slot) if size < 0 else size
        if size >= 0:
            live[slot] = size
        peak = max(peak, total)
    return peak
