"""The traces that ship with the catalogue, and those made on this machine. No torch.

The shipped file: the length of the index (eight bytes, little-endian), the index, then each model's traces,
one a line, all compressed with zlib. The index is JSON: model id → {"at": [start, length], "keys": {key of
the conditions → FLOPs as polynomial}}, keys in the order of the lines.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from fitwright.core.files import write_json
from fitwright.core.home import home
from fitwright.sizing.trace import codec
from fitwright.sizing.trace.polynomial import NotAPolynomial, Polynomial
from fitwright.sizing.trace.program import Trace
from fitwright.sizing.trace.work import symbolic_flops

SHIPPED = Path(__file__).parents[1] / "data" / "traces.bin"
_LENGTH = struct.Struct("<Q")


@lru_cache(maxsize=1)
def _index() -> tuple[Mapping[str, Any], int]:
    """The index, and where the traces begin."""
    if not SHIPPED.is_file():
        return {}, 0
    with SHIPPED.open("rb") as file:
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        return json.loads(zlib.decompress(file.read(length))), _LENGTH.size + length


def shipped_keys(model_id: str) -> tuple[str, ...]:
    """Conditions for which the model's trace ships; empty where it has none."""
    found = _index()[0].get(model_id)
    return () if found is None else tuple(found["keys"])


@lru_cache(maxsize=64)
def _lines(model_id: str) -> Sequence[bytes]:
    index, begin = _index()
    start, length = index[model_id]["at"]
    with SHIPPED.open("rb") as file:
        file.seek(begin + start)
        return zlib.decompress(file.read(length)).split(b"\n")


@lru_cache(maxsize=256)
def shipped(model_id: str, key: str) -> Trace | None:
    """The shipped trace of a catalogue model, or ``None``."""
    keys = shipped_keys(model_id)
    if key not in keys:
        return None
    return codec.decode(json.loads(_lines(model_id)[keys.index(key)]), key)


def shipped_flops(model_id: str, key: str) -> Polynomial | None:
    """FLOPs of the products of a shipped trace, without reading the trace; ``None`` where unknown."""
    found = _index()[0].get(model_id)
    plain = None if found is None else found["keys"].get(key)
    return None if plain is None else Polynomial.from_plain(plain)


def pack(traces: Mapping[str, Mapping[str, Trace]]) -> bytes:
    """The shipped file's content: the traces of each model by the key of their conditions."""
    index: dict[str, Any] = {}
    bodies: list[bytes] = []
    start = 0
    for model_id in sorted(traces):
        made = traces[model_id]
        text = "\n".join(json.dumps(codec.encode({key: made[key]}), separators=(",", ":")) for key in made)
        bodies.append(zlib.compress(text.encode(), 9))
        keys = {key: _flops(trace) for key, trace in made.items()}
        index[model_id] = {"at": [start, len(bodies[-1])], "keys": keys}
        start += len(bodies[-1])
    head = zlib.compress(json.dumps(index, separators=(",", ":")).encode(), 9)
    return _LENGTH.pack(len(head)) + head + b"".join(bodies)


def _flops(trace: Trace) -> list[int | str] | None:
    try:
        return symbolic_flops(trace.ops).plain()
    except NotAPolynomial:
        return None


def _made(digest: str, key: str) -> Path:
    return home() / "traces" / f"{digest}-{key}.json"


def load_made(digest: str, key: str) -> Trace | None:
    """A trace that :func:`save_made` kept under the model's ``digest``; ``None`` if absent or unreadable."""
    try:
        data = json.loads(_made(digest, key).read_text(encoding="utf-8"))
        return codec.decode(data, key) if data["format"] == codec.FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def save_made(digest: str, key: str, trace: Trace) -> None:
    """Keep a trace for the next run. A folder that cannot be written is no reason to fail."""
    path = _made(digest, key)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, codec.encode({key: trace}))
    except OSError:
        return
