"""What two rows must share to count as the same, and one hash over all of them."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Sequence


class _Dropped(dict[int, int | None]):
    """Translation table that drops punctuation, white space and control characters, filled as needed."""

    def __missing__(self, code: int) -> int | None:
        kept = None if unicodedata.category(chr(code))[0] in "PZC" else code
        self[code] = kept
        return kept


_DROPPED = _Dropped()


def normalised(text: str) -> str:
    """What two texts must share to count as the same: letters, digits, symbols after NFKC and case folding.

    A text of punctuation alone keeps its punctuation.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_DROPPED) or " ".join(folded.split())


def fingerprint_of(kind: str, rows: Iterable[Sequence[str]]) -> str:
    """SHA-256 over rows in order: NFC text with ``\\n`` line ends.

    Args:
        kind: of data, with a version: other kinds have other fingerprints.
        rows: the parts of each row, the same number of them in every row (see :func:`list_part`).
    """
    digest = hashlib.sha256(b"fitwright " + kind.encode())
    for row in rows:
        for part in row:
            plain = unicodedata.normalize("NFC", part.replace("\r\n", "\n").replace("\r", "\n"))
            content = plain.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8, "big"))
            digest.update(content)
    return digest.hexdigest()


def list_part(values: Sequence[object]) -> str:
    """A list as one part of a row's fingerprint."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
