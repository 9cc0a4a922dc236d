"""A model directory or a bundle as the engines read it: its manifest if there is one, and its config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.files import read_json
from fitwright.spec.manifest import MANIFEST_NAME, Manifest

MAX_LENGTH_TOKENS = 512
"""A row is cut here when neither the manifest nor the model's positions ask for less."""


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """The descriptions that lie in a model directory; no weights are read."""

    directory: Path
    manifest: Manifest | None
    config: Mapping[str, Any]

    @classmethod
    def open(cls, directory: Path) -> Artefact:
        """Read ``fitwright.json`` and ``config.json`` of ``directory``; at least one of them must be there.

        Raises:
            UsageError: no such directory, neither file in it, or one that cannot be read.
        """
        if not directory.is_dir():
            raise UsageError(
                "model directory not found",
                got=str(directory),
                mend="Give the folder that 'fitwright train' or 'fitwright fit' wrote.",
            )
        has_manifest = (directory / MANIFEST_NAME).is_file()
        has_config = (directory / "config.json").is_file()
        if not has_manifest and not has_config:
            raise UsageError(
                f"not a model directory: neither {MANIFEST_NAME} nor config.json is in it",
                got=str(directory),
                mend="Give the folder that 'fitwright train' or 'fitwright fit' wrote.",
            )
        manifest = Manifest.read(directory) if has_manifest else None
        config = read_json(directory / "config.json", what="config.json") if has_config else {}
        if not isinstance(config, dict):
            raise UsageError("config.json holds no object", got=str(directory / "config.json"))
        return cls(directory=directory, manifest=manifest, config=config)

    @property
    def model_name(self) -> str:
        """The directory's own name, by which a service calls the model."""
        return self.directory.resolve().name

    def require_classifier(self) -> None:
        """Refuse a model that has no trained classification head.

        Raises:
            UsageError: the architecture in config.json is not a sequence classifier.
        """
        architectures = self.config.get("architectures") or ()
        if architectures and not str(architectures[0]).endswith("ForSequenceClassification"):
            raise UsageError(
                f"{self.directory} is no text classifier",
                got=str(architectures[0]),
                allowed="an architecture that ends with ForSequenceClassification",
                mend="Fine-tune it first: fitwright train DATA --model DIRECTORY.",
            )
        problem = self.config.get("problem_type")
        if problem in ("multi_label_classification", "regression"):
            raise UsageError(
                f"the answer of {self.directory} is not one of several classes", got=problem,
                allowed="single_label_classification", mend="Use the lines in its README.md.",
            )  # fmt: skip

    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits: from the manifest, else config.json's ``id2label``.

        A classifier's config without ``id2label`` has the library's defaults, ``LABEL_0`` and ``LABEL_1``.
        """
        if self.manifest is not None and self.manifest.labels:
            return self.manifest.labels
        names = self.config.get("id2label")
        if names:
            return tuple(str(names[key]) for key in sorted(names, key=int))
        return tuple(f"LABEL_{i}" for i in range(int(self.config.get("num_labels", 2))))

    def max_length_tokens(self) -> int:
        """Tokens that a row is cut at, special tokens counted: the manifest's, else at most 512."""
        if self.manifest is not None and self.manifest.max_length:
            return self.manifest.max_length
        positions = self.config.get("max_position_embeddings") or self.config.get("n_positions")
        return min(int(positions or MAX_LENGTH_TOKENS), MAX_LENGTH_TOKENS)
