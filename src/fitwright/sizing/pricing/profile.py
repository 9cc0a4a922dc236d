"""A measured machine as data: surfaces of operators and constants, by engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.core.files import read_json, write_json
from fitwright.core.home import home
from fitwright.core.provenance import package_versions, processor_name, usable_cores
from fitwright.sizing.hardware.limits import read_limits
from fitwright.sizing.hardware.processor import allowed_cores
from fitwright.sizing.pricing.surface import Surface

SCHEMA = "fitwright.device-profile/2"
PACKAGES = ("torch", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What was measured on one machine with one thread count.

    Attributes:
        key: the device key; the file's name.
        device: ``name``, ``kind`` (cpu, gpu), ``cores``, ``threads``.
        versions: of the packages that were measured.
        surfaces: by ``engine/precision/name``, for example ``torch/bf16/linear``.
        constants: by ``engine/name``, in SI: for example ``torch/infer/module_s``.
        repeat_error: median over the cells of how far two halves of the samples differ, relative.
        made_at: ISO-8601 time.
        seconds: that measuring took.
        notes: what was left out, and what disturbed.
        prices: of operators priced so far, kept for the next model.
    """

    key: str
    device: Mapping[str, Any]
    versions: Mapping[str, str]
    surfaces: Mapping[str, Surface]
    constants: Mapping[str, float]
    repeat_error: float
    made_at: str
    seconds: float
    notes: tuple[str, ...] = ()
    prices: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def engines(self) -> tuple[str, ...]:
        """Engines with at least one surface."""
        return tuple(sorted({name.partition("/")[0] for name in self.surfaces}))

    def precisions(self, engine: str) -> tuple[str, ...]:
        """Precisions whose matrix products were measured with that engine."""
        parts = (name.split("/") for name in self.surfaces)
        return tuple(sorted(p[1] for p in parts if p[0] == engine and p[2] == "linear"))

    def surface(self, engine: str, precision: str, name: str) -> Surface | None:
        return self.surfaces.get(f"{engine}/{precision}/{name}")

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA, "key": self.key, "device": dict(self.device), "versions": dict(self.versions),
            "made_at": self.made_at, "seconds": round(self.seconds, 1),
            "repeat_error": round(self.repeat_error, 4), "notes": list(self.notes),
            "constants": {name: float(f"{value:.5g}") for name, value in sorted(self.constants.items())},
            "surfaces": {name: surface.as_json() for name, surface in sorted(self.surfaces.items())},
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Profile:
        """The inverse of :meth:`as_json`.

        Raises:
            DataError: another schema, or fields missing.
        """
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            got = data.get("schema") if isinstance(data, dict) else type(data).__name__
            raise DataError("not a device profile", got=got, allowed=SCHEMA, mend="Run: fitwright profile")
        try:
            surfaces = {name: Surface.from_json(one) for name, one in data["surfaces"].items()}
            return cls(
                key=data["key"], device=data["device"], versions=data["versions"], surfaces=surfaces,
                constants=data["constants"], repeat_error=data["repeat_error"], made_at=data["made_at"],
                seconds=data["seconds"], notes=tuple(data["notes"]),
            )  # fmt: skip
        except (KeyError, TypeError) as error:
            raise DataError(
                f"a broken device profile: {error!r} is missing", mend="Run: fitwright profile"
            ) from None

    @classmethod
    def load(cls, path: Path) -> Profile:
        """Read the profile at ``path``.

        Raises:
            UsageError: no such file, no JSON, or no profile.
        """
        return cls.from_json(read_json(path, "device profile"))

    def save(self, path: Path | None = None) -> Path:
        """Write it whole or not at all; returns where. ``None``: where estimates look for it."""
        path = path or path_of(self.key)
        write_json(path, self.as_json())
        return path

    def added_to(self, former: Profile | None) -> Profile:
        """This profile with what only the former one of the same machine has, such as another engine."""
        if former is None or former.key != self.key:
            return self
        kept = sorted(former.surfaces.keys() - self.surfaces.keys())
        if not kept:
            return self
        note = f"not measured in this run but on {former.made_at[:10]}: {len(kept)} of the surfaces"
        return replace(
            self,
            surfaces={**former.surfaces, **self.surfaces},
            constants={**former.constants, **self.constants},
            notes=(*self.notes, note),
            prices={},
        )

    @classmethod
    def find(cls, key: str | None = None) -> Profile | None:
        """The stored profile of ``key``; ``None`` for it: of this machine's CPU with all usable cores."""
        path = path_of(key or device_key())
        return cls.load(path) if path.is_file() else None


def folder() -> Path:
    """Where profiles are stored."""
    return home() / "profiles"


def path_of(key: str) -> Path:
    """The file of the profile called ``key``."""
    return folder() / f"{key}.json"


def device_key(
    *,
    name: str | None = None,
    cores: int | None = None,
    threads: int | None = None,
    versions: Mapping[str, str] | None = None,
) -> str:
    """What a profile holds for: processor, cores, threads, and versions of torch and ONNX Runtime.

    Args:
        name: of the processor; ``None`` asks this machine.
        cores: that the process may use; ``None`` asks.
        threads: that a run uses; ``None`` means all of ``cores``.
        versions: of the packages; ``None`` asks what is installed, without importing it.
    """
    cores = cores or usable_threads()
    versions = package_versions(PACKAGES) if versions is None else versions
    installed = [f"{package}{versions[package]}" for package in PACKAGES if package in versions]
    parts = [name or processor_name(), f"{cores}c", f"{threads or cores}t", *installed]
    return re.sub(r"[^a-z0-9.+]+", "-", "-".join(parts).lower()).strip("-")


def usable_threads() -> int:
    """Cores that this process may use, a container's quota counted: the threads of a run unless told
    otherwise."""
    return allowed_cores(usable_cores(), read_limits())
