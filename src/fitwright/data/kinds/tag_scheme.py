"""What the prefixes of entity tags mean, and which tags break their scheme."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

Scheme = Literal["BIO", "BIOES", "plain"]
_BIO, _BIOES = frozenset("BI"), frozenset("BIMELSU")


def scheme_of(names: Iterable[str]) -> Scheme:
    """``BIO`` (B-, I-), ``BIOES`` (also E- or L-, S- or U-, M-), or ``plain``: no parts of entities.

    Source: Ramshaw & Marcus (1995) for BIO; Ratinov & Roth (2009) for the longer ones.
    """
    marks = [name for name in names if name != "O"]
    if not marks or any(mark[1:2] not in ("-", "") or mark[:1] not in _BIOES for mark in marks):
        return "plain"
    prefixes = {mark[0] for mark in marks}
    if not prefixes & _BIO and not prefixes & frozenset("SU"):
        return "plain"
    return "BIO" if prefixes <= _BIO else "BIOES"


def stray_tags(tags: Sequence[str], scheme: Scheme) -> list[int]:
    """Positions where a tag cannot follow the one before it.

    Under BIO an ``I-X`` must follow ``B-X`` or ``I-X``. Under BIOES an open entity (after B, I, M) must go on
    or end with its type, and I, M, E, L must find one open.
    """
    stray = []
    open_type: str | None = None
    for position, tag in enumerate(tags):
        prefix, kind = tag[:1], tag[2:]
        inside = prefix in "IMEL" and tag != "O"
        left_open = scheme == "BIOES" and open_type is not None and not inside
        if left_open or (inside and open_type != kind):
            stray.append(position)
        open_type = kind if prefix in "BIM" and tag != "O" else None
    if scheme == "BIOES" and open_type is not None:
        stray.append(len(tags) - 1)
    return stray
