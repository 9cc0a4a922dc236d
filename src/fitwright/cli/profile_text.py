"""A device profile in a few lines: what was measured, as rates that people know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fitwright.core.units import format_bytes, format_seconds
from fitwright.sizing.pricing.groups import factor_key

if TYPE_CHECKING:
    from fitwright.sizing.pricing.profile import Profile
    from fitwright.sizing.profiling.validation import Validation

_COLUMNS = (("torch", "fp32"), ("torch", "bf16"), ("onnxruntime", "fp32"), ("onnxruntime", "int8"))
_WIDTH = 18


def _flops(work: float) -> Callable[[float], str]:
    return lambda seconds: f"{work / seconds / 1e9:,.0f} GFLOP/s"


def _bandwidth(size: float) -> Callable[[float], str]:
    return lambda seconds: f"{size / seconds / 1e9:,.1f} GB/s"


_ROWS: tuple[tuple[str, str, tuple[float, ...], Callable[[float], str]], ...] = (
    ("product 1024 × 768 × 768", "linear", (1024, 768, 768), _flops(2 * 1024 * 768 * 768)),
    ("product 16 × 768 × 768", "linear", (16, 768, 768), _flops(2 * 16 * 768 * 768)),
    ("attention 12 × 128 tokens", "attention", (12, 128, 1.0, 64), _flops(4 * 12 * 128 * 128 * 64)),
    ("normalisation 2048 × 768", "norm", (2048, 768), format_seconds),
    ("look-up of 2048 × 768", "embedding", (2048, 768), format_seconds),
    ("copy of 8 MB", "copy", (16e6,), _bandwidth(16e6)),
    ("smallest operator", "add", (3072.0,), format_seconds),
)


def profile_lines(profile: Profile, where: str) -> list[str]:
    """What was measured, how well it repeats, and where it was written."""
    device, cells = profile.device, sum(len(surface.cells) for surface in profile.surfaces.values())
    versions = ", ".join(f"{name} {version}" for name, version in profile.versions.items())
    threads = device["threads"]
    unit = "thread" if threads == 1 else "threads"
    lines = [f"{device['name']}, {threads} {unit}; {versions}", "", *_table(profile), ""]
    lines += [
        f"{title:<{2 + max(len(t) for t, _ in _facts(profile))}}{text}" for title, text in _facts(profile)
    ]
    lines += [
        "",
        f"{cells:,} cells in {format_seconds(profile.seconds)}; repeat within {profile.repeat_error:.1%}",
    ]
    lines += [f"note: {note}" for note in profile.notes]
    return [*lines, f"written to {where}"]


def validation_lines(validation: Validation) -> list[str]:
    """Each point, then the errors in one line."""
    width = max((len(point.name) for point in validation.points), default=0)
    lines = [f"{'model':<{width}}  {'measured':>9}  {'estimated':>9}  {'error':>7}"]
    for point in validation.points:
        lines.append(
            f"{point.name:<{width}}  {format_seconds(point.measured_s):>9}  "
            f"{format_seconds(point.estimated_s):>9}  {point.error:>+7.1%}"
        )
    lines.append(
        f"{len(validation.points)} points: median error {validation.median_error:.1%}, 90th percentile "
        f"{validation.p90_error:.1%}, repeat error {validation.repeat_error:.1%}"
    )
    return lines


def _table(profile: Profile) -> list[str]:
    columns = [pair for pair in _COLUMNS if pair[1] in profile.precisions(pair[0])]
    titles = [f"{engine} {precision}" for engine, precision in columns]
    first = max(len(title) for title, *_ in _ROWS)
    lines = [" " * first + "".join(f"{title:>{_WIDTH}}" for title in titles)]
    for title, name, at, text in _ROWS:
        texts = []
        for engine, precision in columns:
            surface = profile.surface(engine, precision, name)
            texts.append("–" if surface is None else text(surface.price(at).seconds))
        lines.append(f"{title:<{first}}" + "".join(f"{cell:>{_WIDTH}}" for cell in texts))
    return lines


def _facts(profile: Profile) -> list[tuple[str, str]]:
    found = profile.constants
    named = (
        ("call of a module, inference", "torch/infer/module_s", format_seconds),
        ("call of a module, training", "torch/train/module_s", format_seconds),
        ("run of a session", "onnxruntime/session_s", format_seconds),
        ("memory mapped anew", "page_fault_s_per_byte", lambda s: f"{format_seconds(s * 1e9)} per GB"),
        ("launch of a kernel, eager", "torch/launch_s", format_seconds),
        ("launch in a CUDA graph", "torch/graph_launch_s", format_seconds),
        ("launch when compiled", "torch/compiled_launch_s", format_seconds),
        ("context", "context_bytes", format_bytes), ("workspace", "workspace_bytes", format_bytes),
    )  # fmt: skip
    facts = [(title, text(found[key])) for title, key, text in named if key in found]
    in_models = []
    for engine, precision in _COLUMNS:
        start = factor_key(engine, "infer", precision, "")
        shares = [f"{key.removeprefix(start)} ×{f:.2f}" for key, f in found.items() if key.startswith(start)]
        if shares:
            in_models.append((f"in a model, {engine} {precision}", ", ".join(shares)))
    return [*facts, *in_models]
