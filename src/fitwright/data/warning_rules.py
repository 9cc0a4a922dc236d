"""When a dataset deserves a warning: each rule looks at the profile and may give one sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitwright.data.profile import ClassCount, DataProfile

IMBALANCE = 10.0
TINY_CLASS_ROWS = 50
DUPLICATE_SHARE = 0.05
CUT_SHARE = 0.05
UNCERTAIN_POINTS = 3.0


def warnings_of(profile: DataProfile) -> tuple[str, ...]:
    """The warnings that a profile gives rise to, most serious subject first."""
    return (*about_classes(profile.classes), *_about_rows(profile), *_about_lengths(profile))


def about_classes(classes: Iterable[ClassCount]) -> Iterator[str]:
    """Warnings of unbalanced and of tiny classes."""
    present = sorted((c for c in classes if c.rows), key=lambda c: c.rows)
    if present and present[-1].rows > IMBALANCE * present[0].rows:
        yield (
            f"the classes are unbalanced: {present[-1].name!r} has {present[-1].rows:,} rows, "
            f"{present[0].name!r} has {present[0].rows:,}; read macro-F1 rather than accuracy"
        )
    tiny = [c.name for c in present if c.rows < TINY_CLASS_ROWS]
    if tiny:
        shown = ", ".join(tiny[:5]) + (f" and {len(tiny) - 5} more" if len(tiny) > 5 else "")
        yield f"fewer than {TINY_CLASS_ROWS} rows each: {shown}; their scores will be rough"


def _about_rows(profile: DataProfile) -> Iterator[str]:
    if profile.dropped:
        yield f"{profile.dropped:,} rows without a text or a label were left out"
    share = profile.duplicates / profile.rows
    if share > DUPLICATE_SHARE:
        yield f"{share:.0%} of the rows repeat an earlier text; copies stay in one part together"
    if profile.conflicts:
        yield (
            f"{profile.conflicts:,} rows share their text with a row of another label; "
            "no model can be right on all of them"
        )
    # Half of a 95 % normal interval of an accuracy of 85 %.
    points = 100 * 1.96 * math.sqrt(0.85 * 0.15 / profile.parts["test"])
    if points > UNCERTAIN_POINTS:
        yield (
            f"{profile.parts['test']:,} test rows tell an accuracy near 85 % only to about "
            f"±{points:.0f} points; more rows would help"
        )


def _about_lengths(profile: DataProfile) -> Iterator[str]:
    characters = profile.characters
    if profile.rows >= 20 and characters.p95 - characters.p5 <= 0.02 * characters.p50:
        yield (
            f"nearly all texts have the same length ({characters.p50:.0f} characters); "
            "check that the text column does not hold codes or cut texts"
        )
    if profile.tokens is not None and profile.cut_share is not None and profile.cut_share > CUT_SHARE:
        yield (
            f"{profile.cut_share:.0%} of the texts are longer than {profile.max_length} tokens and are cut; "
            f"--max-length {math.ceil(profile.tokens.p95)} keeps 95 % whole where the model reaches so far"
        )
