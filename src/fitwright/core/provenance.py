"""What made a result: versions, hardware, command. All that a rebuild needs; paths as the user gave them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PACKAGES = (
    "fitwright", "torch", "transformers", "tokenizers", "safetensors", "accelerate", "numpy", "pandas",
    "pyarrow", "onnx", "onnxscript", "onnxruntime", "openvino", "fastapi", "uvicorn", "tensorboard", "peft",
    "optuna",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where, with what and by which command a result was made."""

    command: str
    python: str
    system: str
    processor: str
    cores: int
    memory_bytes: int | None
    versions: dict[str, str] = field(default_factory=dict)
    made_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def capture(command: str, made_at: str | None = None) -> Provenance:
    """The present process's provenance. ``made_at``: ISO-8601 time, from the caller's clock."""
    return Provenance(
        command=command,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        processor=processor_name(),
        cores=usable_cores(),
        memory_bytes=physical_memory_bytes(),
        versions=package_versions(),
        made_at=made_at,
    )


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Installed versions of those packages; one that is not installed is left out."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def processor_name() -> str:
    """The processor's marketing name, or the machine type where the system does not tell."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def processor_flags() -> frozenset[str]:
    """Instruction-set flags as Linux names them (``avx512_bf16``, ``amx_tile``); empty where unknown."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return frozenset()


def usable_cores() -> int:
    """Cores this process may run on (affinity respected; container quotas are not)."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_memory_bytes() -> int | None:
    """Bytes of physical memory, ``None`` where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
