"""What ``fitwright study`` says to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.units import format_count

if TYPE_CHECKING:
    from fitwright.scaling.fitted import CandidateError, FittedStudy
    from fitwright.scaling.frontier import Best
    from fitwright.scaling.prediction import Prediction


def fit_text(found: FittedStudy, output: Path | None) -> str:
    """The law, its numbers, the forms that were tried, the warnings."""
    from fitwright.reporting.tables import Column, terminal

    def error(key: str, title: str) -> Column[CandidateError]:
        def read(row: CandidateError) -> float | None:
            return row.error if key == "error" else row.inside if key == "inside" else row.by_axis.get(key)

        return Column(key=key, title=title, value=read, text=percent, numeric=True)

    numbers = [
        Column[Any](key="name", title="Number", value=lambda row: row[0]),
        Column[Any](key="value", title="Value", value=lambda row: row[1], text=figure, numeric=True),
        Column[Any](
            key="interval", title="95 % interval", value=lambda row: row[2], text=_span, numeric=True
        ),
    ]
    rows = [(name, value, found.intervals.get(name)) for name, value in found.parameters.items()]
    tried: list[Column[CandidateError]] = [
        Column(key="law", title="Law", value=lambda row: row.law),
        Column(key="numbers", title="Numbers", value=lambda row: row.numbers, numeric=True),
        error("error", "Held out"), error("compute", "by compute"), error("size", "by size"),
        error("data", "by data"), error("inside", "Inside"),
    ]  # fmt: skip
    ordered = sorted(found.candidates, key=lambda c: float("inf") if c.error is None else c.error)
    parts = [
        _heading(found), terminal(rows, numbers), f"Error on runs left out\n{terminal(ordered, tried)}",
        "\n".join(f"warning: {warning}" for warning in found.warnings), _next(output),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _heading(found: FittedStudy) -> str:
    runs = found.runs
    span = (
        f"{len(runs)} runs, N {_range(runs.size)}, D {_range(runs.data)}, "
        f"{float(runs.flops.min()):.3g} to {float(runs.flops.max()):.3g} FLOPs"
    )
    held = "unknown" if found.heldout_error is None else percent(found.heldout_error)
    return (
        f"{found.law.name}: {found.law.formula}\n{span}\nheld-out error {held}: {found.heldout_scheme}\n"
        f"objective {found.objective:.9g}{_downstream(found)}"
    )


def _downstream(found: FittedStudy) -> str:
    link = found.downstream
    if link is None:
        return ""
    numbers = ", ".join(f"{name} {figure(value)}" for name, value in link.parameters.items())
    return (
        f"\n{link.column} of {link.runs} runs: 1 - accuracy = epsilon - k·exp(-gamma·L), {numbers}; off by "
        f"{100 * link.heldout_error:.2f} points on the lowest losses left out"
    )


def _next(output: Path | None) -> str:
    if output is None:
        return "Nothing was written. --output FIT.json keeps it for 'study predict', 'best' and 'report'."
    return f"{output}"


def prediction_text(found: Prediction) -> str:
    """Loss, interval, how far outside."""
    epochs = f", {found.data / found.unique:.3g} epochs" if found.data > found.unique * 1.01 else ""
    lines = [
        f"loss {found.loss:.4f}, 95 % of back-tested predictions inside {found.interval[0]:.4f} to "
        f"{found.interval[1]:.4f} (±{100 * (found.interval[1] / found.loss - 1):.1f} %)",
        f"{format_count(found.size)} parameters, {format_count(found.data)} tokens{epochs}; law {found.law}",
        *_accuracy(found),
        *(f"warning: {warning}" for warning in found.warnings),
    ]
    return "\n".join(lines)


def _accuracy(found: Prediction) -> list[str]:
    if found.accuracy is None or found.accuracy_interval is None:
        return []
    low, high = found.accuracy_interval
    inside = f"95 % of back-tested ones inside {100 * low:.1f} to {100 * high:.1f} %"
    return [f"accuracy {100 * found.accuracy:.1f} % ({inside})"]


def best_text(found: Best, within: float) -> str:
    """The size, how long to train it, and what bounds it."""
    what = f"the smallest size within {within:g} % of the best" if within else "the best size"
    repeats = f" ({found.epochs:.3g} epochs of {format_count(found.unique)})" if found.epochs > 1.01 else ""
    lines = [
        f"{what}: {format_count(found.size)} parameters, {format_count(found.data)} tokens{repeats}, "
        f"{found.data / found.size:.3g} tokens for each parameter",
        f"loss {found.loss:.4f} for {found.flops:.3g} FLOPs",
    ]
    if found.bound:
        lines.append(
            f"the loss still falls where the ladder's back-tests end: the best {found.bound} may lie beyond"
        )
    return "\n".join(lines)


def figure(value: float) -> str:
    """Five significant digits; large and small ones with an exponent."""
    return f"{value:.5g}"


def percent(value: float) -> str:
    """``0.0123`` → ``1.23 %``."""
    return f"{100 * value:.2f} %"


def _span(pair: tuple[float, float]) -> str:
    return f"{figure(pair[0])} to {figure(pair[1])}"


def _range(values: Any) -> str:
    return f"{format_count(float(values.min()))} to {format_count(float(values.max()))}"
