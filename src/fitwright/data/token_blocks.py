"""Documents as one stream of tokens, cut into blocks of one length: nothing is padded, nothing wasted.

Legend of shape suffixes: S stream, N blocks, T tokens of a block.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import DataError
from fitwright.core.files import write_bytes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Stream = NDArray[Any]
"""(S,) token ids, uint16 or uint32."""
_CHUNK = 1024


def stream_of(
    documents: Sequence[str], tokenizer: Tokenizer, *, end: int | None, most: int | None = None
) -> Stream:
    """Every document's tokens, without special ones, each followed by ``end``.

    Args:
        end: id that parts documents; ``None`` where the tokenizer has none.
        most: tokens after which no further document is read, and the stream is cut.
    """
    kind = np.uint16 if tokenizer.get_vocab_size() <= np.iinfo(np.uint16).max else np.uint32
    parts: list[Stream] = []
    tail, read = [] if end is None else [end], 0
    for start in range(0, len(documents), _CHUNK):
        if most is not None and read >= most:
            break
        found = tokenizer.encode_batch_fast(list(documents[start : start + _CHUNK]), add_special_tokens=False)
        ids: list[int] = []
        for encoding in found:
            ids.extend(encoding.ids)
            ids.extend(tail)
        parts.append(np.array(ids, kind))
        read += len(ids)
    return np.concatenate(parts)[:most] if parts else np.zeros(0, kind)


def blocks_of(stream_S: Stream, length: int, *, overlap: int = 0) -> Stream:
    """(N, T) views of the stream, T = ``length`` + ``overlap``; each begins ``length`` after the one before.

    ``overlap`` 1 gives next-token prediction its last target. What is left at the end is not used.

    Raises:
        DataError: the text does not fill a single block.
    """
    count = (len(stream_S) - overlap) // length
    if count < 1:
        raise DataError(
            "the text is too short for a single block", got=f"{len(stream_S):,} tokens",
            allowed=f"{length + overlap:,} or more", mend="Give more text, or a shorter --max-length.",
        )  # fmt: skip
    windows = np.lib.stride_tricks.sliding_window_view(stream_S, length + overlap)
    return windows[: count * length : length]


def save_stream(stream_S: Stream, path: Path) -> None:
    """Write a stream as ``.npy``, whole or not at all."""
    content = io.BytesIO()
    np.save(content, stream_S, allow_pickle=False)
    write_bytes(path, content.getvalue())


def open_stream(path: Path) -> Stream:
    """Map a stream that :func:`save_stream` wrote; several processes share its memory.

    Raises:
        DataError: the file is missing or damaged.
    """
    try:
        stream_S: Stream = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"the tokens cannot be read ({type(error).__name__})", got=str(path),
            mend="Run 'fitwright study design' again.",
        ) from None  # fmt: skip
    return stream_S
