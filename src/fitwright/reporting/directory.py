"""A report of whatever a folder holds: its ``report.json``, or else the records of its ``fitwright.json``."""

from __future__ import annotations

from pathlib import Path

from fitwright.core.errors import UsageError
from fitwright.reporting.document import REPORT_NAME, Report, Verdict
from fitwright.reporting.wording import show, title
from fitwright.spec.manifest import MANIFEST_NAME, Manifest
from fitwright.spec.record import Record

_HEADLINE = ("latency-p95", "size")


def read_report(path: Path) -> Report:
    """The report of a bundle, a workspace, a model directory, or a ``report.json`` itself.

    Raises:
        UsageError: there is no such path, it holds nothing to report, or what it holds is broken.
    """
    if path.is_file() and path.name == REPORT_NAME:
        return Report.read(path.parent)
    if not path.exists():
        raise UsageError("no such folder", got=str(path), allowed="a bundle, workspace or model directory")
    if (path / REPORT_NAME).is_file():
        return Report.read(path)
    if (path / MANIFEST_NAME).is_file():
        return from_manifest(Manifest.read(path), path.resolve().name)
    raise UsageError(
        f"nothing to report: neither {REPORT_NAME} nor {MANIFEST_NAME} is here",
        got=str(path),
        mend="Give the output folder of 'fitwright fit', a bundle, or a model directory made by fitwright.",
    )


def from_manifest(manifest: Manifest, name: str) -> Report:
    """The smaller report of a model directory: its records, and how it was made.

    Args:
        manifest: its ``fitwright.json``.
        name: what to call it, for example the folder's name.
    """
    result = _main_record(manifest.records)
    source = _source_record(manifest.records, result)
    made = dict(manifest.provenance)
    command = made.pop("command", "")
    facts = {
        "stage": manifest.stage, "labels": list(manifest.labels), "made_from": dict(manifest.made_from),
        "data": dict(manifest.data), "settings": dict(manifest.settings), "seed": manifest.seed,
        "engines": dict(manifest.engines), "default_engine": manifest.default_engine,
        "max_length": manifest.max_length,
    }  # fmt: skip
    return Report(
        title=name, task=manifest.task, verdict=Verdict(met=None, headline=_headline(name, result)),
        made_at=str(made.pop("made_at", None) or ""), source=source, result=result,
        records=tuple(r for r in manifest.records if r is not result and r is not source),
        provenance={**made, **facts}, commands=(str(command),) if command else (),
    )  # fmt: skip


def _main_record(records: tuple[Record, ...]) -> Record | None:
    """The last record that was measured, else the last."""
    measured = [r for r in records if any(q.origin == "measured" for q in r.quantities.values())]
    found = measured or list(records)
    return found[-1] if found else None


def _source_record(records: tuple[Record, ...], result: Record | None) -> Record | None:
    """The record that the result's drop is held against: the nearest earlier one with a quality."""
    if result is None or result.get("drop") is None:
        return None
    earlier = records[: next(i for i, record in enumerate(records) if record is result)]
    return next((r for r in reversed(earlier) if r.get("accuracy") and r.get("drop") is None), None)


def _headline(name: str, record: Record | None) -> str:
    held = {} if record is None else record.quantities
    quality = "accuracy" if "accuracy" in held else "f1"
    parts = [f"{_inside(key)} {show(key, held[key])}" for key in (quality, *_HEADLINE) if key in held]
    return f"{name}: {', '.join(parts)}" if parts else f"{name}: nothing measured yet"


def _inside(name: str) -> str:
    """A quantity's title inside a sentence."""
    return title(name)[:1].lower() + title(name)[1:]
