"""``fitwright.profile``: measure this machine, for estimates to lean on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fitwright.core.progress import Progress
    from fitwright.sizing.pricing.profile import Profile
    from fitwright.sizing.profiling.validation import Validation

ENGINES = ("torch", "onnxruntime")


def profile(
    *,
    device: str = "cpu",
    threads: int | None = None,
    minutes: float = 2.0,
    engines: Sequence[str] = ENGINES,
    training: bool = True,
    output: str | Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Profile:
    """Measure a device for a minute or two and keep the profile; latency estimates use it from then on.

    Args:
        device: ``cpu``, or ``cuda:N`` for a card.
        threads: that every run uses; ``None``: all cores that this process may use.
        minutes: for measuring; starting the libraries comes on top.
        engines: some of ``torch``, ``onnxruntime``; one that is not installed is an error.
        training: measure what only training needs, too.
        output: file to write instead of the one that estimates read. That one keeps what an earlier run
            measured and this one leaves out.
        seed: of the order of measurements.
        progress: where to report to.

    Returns:
        The profile; it was written whole, or nothing was.

    Raises:
        UsageError: a device, engine, number of threads or time that cannot be used.
        MissingExtraError: an engine is not installed.
    """
    from datetime import UTC, datetime

    from fitwright.sizing.profiling.measure import ProfileSettings, measure_device

    settings = ProfileSettings(
        device=device, engines=tuple(engines), threads=threads, minutes=minutes, training=training, seed=seed
    )
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    found = measure_device(settings, made_at=made_at, progress=progress)
    if output is None:
        found = found.added_to(_former(found.key))
    found.save(None if output is None else Path(output))
    return found


def _former(key: str) -> Profile | None:
    """The stored profile, or ``None`` where there is none that can be read."""
    from fitwright.core.errors import FitwrightError
    from fitwright.sizing.pricing.profile import Profile

    try:
        return Profile.find(key)
    except FitwrightError:
        return None


def validate_profile(
    *,
    threads: int | None = None,
    engines: Sequence[str] = ENGINES,
    path: str | Path | None = None,
    seconds: float = 60.0,
    progress: Progress | None = None,
) -> Validation:
    """Run small real models and hold their times against the profile's estimates; the ledger keeps both.

    Args:
        threads: of the profile and of the runs; ``None``: all cores that this process may use.
        engines: to validate, of those profiled.
        path: of the profile; ``None``: the one that estimates read.
        seconds: for measuring.
        progress: where to report to.

    Raises:
        UsageError: there is no profile.
    """
    from fitwright.core.errors import UsageError
    from fitwright.sizing.pricing.profile import Profile, device_key
    from fitwright.sizing.profiling.validation import validate

    found = Profile.find(device_key(threads=threads)) if path is None else Profile.load(Path(path))
    if found is None:
        raise UsageError(
            "this machine has no profile with these threads", got=threads, mend="Run: fitwright profile"
        )
    return validate(found, engines=tuple(engines), seconds=seconds, progress=progress)
