"""``fitwright.json``: what lies beside the weights and makes a model directory rebuildable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json, write_json
from fitwright.spec.record import Record

MANIFEST_NAME = "fitwright.json"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of a model directory or a bundle.

    Attributes:
        kind: ``model`` (weights in the Hugging Face layout) or ``bundle`` (with ``engines/`` and report).
        stage: what made it: ``train``, ``distil``, ``compress``, ``export``, ``fit``.
        task: such as ``text-classification``; see ``training.tasks``.
        labels: class names in the order of the logits.
        made_from: ``{"model": id or path, "sha256": of its weights or null}``, the parent.
        data: ``{"fingerprint", "file", "rows", "columns", "split", "split_rows"}``; ``columns``: role → name.
        settings: the resolved settings of the stage, replayable.
        seed: of the run; ``None`` where the stage draws nothing.
        provenance: versions, hardware, command (``core.provenance``).
        records: every Record about this model, in order.
        engines: for a bundle, ``{name: {"path", "precision", "sha256"}}``; ``default_engine`` serves.
        max_length: tokens a row is cut at.
    """

    kind: Literal["model", "bundle"]
    stage: str
    task: str
    labels: tuple[str, ...] = ()
    made_from: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    engines: Mapping[str, Any] = field(default_factory=dict)
    default_engine: str | None = None
    max_length: int | None = None

    def with_records(self, *more: Record) -> Manifest:
        """A copy with more records at the end."""
        return replace(self, records=(*self.records, *more))

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["labels"] = list(self.labels)
        plain["records"] = [record.as_json() for record in self.records]
        return {"schema": SCHEMA, **plain}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Manifest:
        if data.get("schema") != SCHEMA:
            raise UsageError(
                "this fitwright.json was written by another version of its format",
                got=data.get("schema"),
                allowed=str(SCHEMA),
                mend="Make the model directory again with this version of fitwright.",
            )
        fields = {k: v for k, v in data.items() if k != "schema"}
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if unknown:
            raise UsageError("unknown keys in fitwright.json", got=sorted(unknown))
        fields["labels"] = tuple(fields.get("labels", ()))
        fields["records"] = tuple(Record.from_json(r) for r in fields.get("records", ()))
        return cls(**fields)

    def write(self, directory: Path) -> None:
        """Write ``fitwright.json`` into ``directory``, whole or not at all."""
        write_json(directory / MANIFEST_NAME, self.as_json())

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Read the manifest of a model directory or bundle."""
        if not directory.is_dir():
            raise UsageError("not a model directory", got=str(directory))
        data = read_json(directory / MANIFEST_NAME, what=MANIFEST_NAME)
        try:
            return cls.from_json(data)
        except (AttributeError, KeyError, TypeError) as error:
            raise UsageError(
                f"{MANIFEST_NAME} is damaged ({type(error).__name__}: {error})",
                got=str(directory / MANIFEST_NAME),
                mend="Make the model directory again.",
            ) from error
