"""Is the machine itself fit: interpreter, processor, threads, memory, disk, torch's build, the Hub?"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from fitwright.core.provenance import (
    physical_memory_bytes,
    processor_flags,
    processor_name,
    usable_cores,
)
from fitwright.core.units import format_bytes
from fitwright.environment.check import Check
from fitwright.environment.installed import Installed

_OLDEST_PYTHON = (3, 11)
_SMALL_DISK_BYTES, _NO_DISK_BYTES = 5_000_000_000, 500_000_000
_SMALL_MEMORY_BYTES, _NO_MEMORY_BYTES = 4_000_000_000, 1_000_000_000
_PROBE = """
import json, torch
gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda,
    "threads": torch.get_num_threads(), "gpus": [torch.cuda.get_device_name(i) for i in gpus]}))
"""


def python_check(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """The interpreter."""
    text = ".".join(map(str, version))
    if version < _OLDEST_PYTHON:
        return Check(
            name="Python", status="fail", found=text, mend="make an environment with Python 3.11 or newer"
        )
    return Check(name="Python", status="ok", found=f"{text}, {platform.system()} {platform.machine()}")


def torch_check(everything: Mapping[str, Installed]) -> Check:
    """torch's build and whether it loads: tried in a process of its own, so that a crash stays there."""
    if "torch" not in everything:
        mend = "pip install 'fitwright[train]'"
        return Check(
            name="torch", status="warn", found="not installed; needed to train and to convert", mend=mend
        )
    try:
        done = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return Check(name="torch", status="fail", found="did not load within 120 s", mend="reinstall torch")
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:200]
        mend = f"pip install --force-reinstall torch=={everything['torch'].version.partition('+')[0]}"
        return Check(name="torch", status="fail", found=f"does not load: {reason}", mend=mend)
    return _torch_build(json.loads(done.stdout.strip().splitlines()[-1]))


def _torch_build(build: Mapping[str, object]) -> Check:
    threads = build["threads"]
    found = f"{build['version']}, {threads} thread{'s' * (threads != 1)}"
    gpus = build["gpus"]
    if isinstance(gpus, list) and gpus:
        return Check(name="torch", status="ok", found=f"{found}, CUDA {build['cuda']}: {', '.join(gpus)}")
    if build["cuda"] and shutil.which("nvidia-smi"):
        mend = "update the NVIDIA driver, or install a torch built for the CUDA version it has"
        return Check(
            name="torch", status="warn", found=f"{found}, sees no GPU though a driver is there", mend=mend
        )
    return Check(
        name="torch", status="ok", found=f"{found}, {'CUDA build, no GPU' if build['cuda'] else 'CPU build'}"
    )


def processor_check(flags: frozenset[str] | None = None) -> Check:
    """The processor and what it does fast: bfloat16 products, int8 products."""
    flags = processor_flags() if flags is None else flags
    bf16 = next((f for f in ("amx_bf16", "avx512_bf16", "bf16") if f in flags), None)
    int8 = next((f for f in ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp") if f in flags), None)
    fast = [f"{kind} by {flag}" for kind, flag in (("bf16", bf16), ("int8", int8)) if flag]
    told = (
        f"fast {', '.join(fast)}"
        if fast
        else "no fast bf16 or int8: fp32 is used to train"
        if flags
        else "unknown"
    )
    return Check(name="processor", status="ok", found=f"{processor_name()}: {told}")


def threads_check(environment: Mapping[str, str], cores: int, quota: float | None) -> Check:
    """Threads asked for by the environment against the cores this process may use."""
    name = "threads"
    asked = environment.get("OMP_NUM_THREADS", "")
    usable = cores if quota is None else max(1, min(cores, round(quota)))
    limit = f"{cores} cores" if usable == cores else f"{cores} cores seen, {quota:g} allowed by the container"
    if not asked:
        if usable < cores:
            return Check(name=name, status="warn", found=limit, mend=f"export OMP_NUM_THREADS={usable}")
        return Check(name=name, status="ok", found=limit)
    found = f"{limit}, OMP_NUM_THREADS={asked}"
    if not asked.isdigit() or int(asked) < 1:
        return Check(name=name, status="fail", found=found, mend="unset OMP_NUM_THREADS: it is not a number")
    if int(asked) > usable:
        return Check(
            name=name, status="warn", found=f"{found}: more than there are", mend="unset OMP_NUM_THREADS"
        )
    if int(asked) < usable:
        mend = "unset OMP_NUM_THREADS to use all of them"
        return Check(name=name, status="warn", found=f"{found}: some cores stay idle", mend=mend)
    return Check(name=name, status="ok", found=found)


def container_cores(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Cores that a container's quota allows (cgroup v2 ``cpu.max``); ``None`` without one."""
    try:
        quota, _, period = (root / "cpu.max").read_text().strip().partition(" ")
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def container_memory_bytes(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that a container may use (cgroup v2 ``memory.max``); ``None`` without a limit."""
    try:
        return int((root / "memory.max").read_text())
    except (OSError, ValueError):  # "max" is no number: no limit
        return None


def memory_check(total_bytes: int | None, limit_bytes: int | None) -> Check:
    """Memory that this process can count on."""
    name = "memory"
    if total_bytes is None:
        return Check(name=name, status="ok", found="the system does not tell")
    usable = total_bytes if limit_bytes is None else min(total_bytes, limit_bytes)
    found = format_bytes(usable) + (" (limit of the container)" if usable < total_bytes else "")
    if usable < _NO_MEMORY_BYTES:
        return Check(
            name=name, status="fail", found=found, mend="give this machine or container 4 GB or more"
        )
    if usable < _SMALL_MEMORY_BYTES:
        return Check(
            name=name,
            status="warn",
            found=found,
            mend="train with a smaller --batch-tokens; 4 GB is comfortable",
        )
    return Check(name=name, status="ok", found=found)


def disk_check(folder: Path) -> Check:
    """Free disk where results would go, and whether they may be written there."""
    name, free = "disk", shutil.disk_usage(folder).free
    found = f"{format_bytes(free)} free in {folder.absolute()}"
    if not os.access(folder, os.W_OK):
        return Check(
            name=name, status="fail", found=f"{found}, not writable", mend="work in a folder of your own"
        )
    if free < _NO_DISK_BYTES:
        return Check(name=name, status="fail", found=found, mend="free some space: a run needs about 5 GB")
    if free < _SMALL_DISK_BYTES:
        return Check(
            name=name, status="warn", found=found, mend="free some space: a larger model may not fit"
        )
    return Check(name=name, status="ok", found=found)


def hub_check(environment: Mapping[str, str], *, online: bool) -> Check:
    """The model Hub. Asked only when ``online``: without that, the doctor makes no network call."""
    name, address = "Hub", environment.get("HF_ENDPOINT") or "https://huggingface.co"
    if environment.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        return Check(name=name, status="ok", found="HF_HUB_OFFLINE is set: local models only")
    if not online:
        return Check(name=name, status="ok", found="not asked (--online asks it)")
    if urllib.parse.urlparse(address).scheme not in ("http", "https"):
        return Check(
            name=name, status="fail", found=f"HF_ENDPOINT is no address: {address}", mend="unset HF_ENDPOINT"
        )
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  the scheme was checked above
            return Check(name=name, status="ok", found=f"{address} answers ({answer.status})")
    except urllib.error.HTTPError as error:
        found = f"{address} refuses: HTTP {error.code}"
    except OSError as error:
        found = f"{address} cannot be reached: {getattr(error, 'reason', error)}"
    mend = "use model directories on disk, or set HF_ENDPOINT or HTTPS_PROXY"
    return Check(name=name, status="warn", found=found, mend=mend)


def machine_memory_check() -> Check:
    """:func:`memory_check` of this machine."""
    return memory_check(physical_memory_bytes(), container_memory_bytes())


def machine_threads_check() -> Check:
    """:func:`threads_check` of this process."""
    return threads_check(os.environ, usable_cores(), container_cores())
