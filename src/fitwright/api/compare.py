"""``fitwright.compare``: several models in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    from fitwright.reporting.tables import Column
    from fitwright.sizing.comparison import Row
    from fitwright.spec.model import ModelSpec

DEFAULT_COLUMNS = (
    "model", "layers", "hidden", "heads", "parameters", "max-seq", "open", "use", "memory", "latency",
    "verdict",
)  # fmt: skip

_OPEN: dict[bool | None, str] = {True: "open", False: "closed"}


def compare(
    names: Sequence[str],
    *,
    mode: str = "infer",
    batch: int = 1,
    seq: int | None = None,
    precision: str = "fp32",
    device: str | None = None,
) -> tuple[Row, ...]:
    """Facts and first estimates for several models under one workload.

    Args:
        names: catalogue ids, aliases, short names, ``config.json`` files, model directories or Hub ids; in
            the order of the result.
        mode: ``infer`` (one forward pass) or ``train`` (one optimiser step).
        batch: rows.
        seq: tokens a row; ``None``: 128, or a model's maximum where that is less.
        precision: of weights and matrix products.
        device: ``cpu`` or ``None`` (this machine), ``cuda:N``, ``auto``, or a listed device.

    Returns:
        One row a model, with ``spec``, ``record`` and ``as_json()``.

    Raises:
        UnknownModelError, UsageError: a name, the device or the workload is wrong.
    """
    from fitwright.sizing import comparison, devices
    from fitwright.sizing.lengths import USUAL_SEQ
    from fitwright.sizing.models import find
    from fitwright.spec.workload import Workload

    if not names:
        raise UsageError("compare needs at least one model", mend="Try: fitwright compare bert-base gpt2")
    workload = Workload(
        mode=mode, batch=batch, seq=USUAL_SEQ if seq is None else seq, precision=precision  # type: ignore[arg-type]
    )  # fmt: skip
    target = devices.find(device)
    models = [(name, find(name)) for name in names]
    return comparison.compare(models, workload, target, seq_given=seq is not None)


def columns(rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Every column that a comparison can show; models by short name where that tells the rows apart."""
    return (*_fact_columns(rows), *_estimate_columns())


def _fact_columns(rows: Sequence[Row]) -> Iterator[Column[Row]]:
    from fitwright.core.units import format_count
    from fitwright.reporting.tables import Column
    from fitwright.sizing.comparison import layers_text, recommended_use

    def of_spec(key: str, title: str, read: Callable[[ModelSpec], Any], spare: int = 0) -> Column[Row]:
        return Column(key=key, title=title, value=lambda row: read(row.spec), spare=spare)

    def number(key: str, title: str, read: Callable[[ModelSpec], Any], spare: int = 0) -> Column[Row]:
        return Column(key=key, title=title, value=lambda row: read(row.spec), numeric=True, spare=spare)

    titles = _short_names(rows)
    yield Column(key="model", title="Model", value=lambda row: titles[row.spec.id])
    yield of_spec("id", "Id", lambda spec: spec.id)
    yield of_spec("class", "Class", lambda spec: spec.architecture)
    yield of_spec("kind", "Kind", lambda spec: spec.kind)
    yield Column(
        key="layers", title="Layers", value=lambda row: layers_text(row.spec), numeric=True, spare=1,
        order=lambda text: sum(int(part) for part in text.split("+")),
    )  # fmt: skip
    yield number("hidden", "Hidden", lambda spec: spec.dims.get("hidden"), spare=2)
    yield number("heads", "Heads", lambda spec: spec.dims.get("heads"), spare=3)
    yield Column(
        key="parameters",
        title="Params",
        value=lambda row: row.spec.parameters,
        text=format_count,
        numeric=True,
    )
    yield Column(
        key="non-embedding", title="Non-embedding", value=_quantity_reader("non-embedding", "value"),
        text=format_count, numeric=True,
    )  # fmt: skip
    yield Column(
        key="active", title="Active", value=_active, text=format_count, numeric=True,
    )  # fmt: skip
    yield number("max-seq", "Max seq", lambda spec: spec.max_sequence_length)
    yield of_spec("open", "Weights", lambda spec: _OPEN.get(spec.open_weights), spare=4)
    yield of_spec("licence", "Licence", lambda spec: spec.licence)
    yield of_spec("use", "Recommended use", recommended_use, spare=5)


def _estimate_columns() -> Iterator[Column[Row]]:
    from fitwright.core.units import format_bytes, format_flops, format_rate, format_seconds
    from fitwright.reporting.tables import Column

    def predicted(name: str, title: str, unit: str, text: Callable[[float], str]) -> Iterator[Column[Row]]:
        """The value, and the two ends of its interval as columns to ask for."""
        for ending, part, heading in (
            ("", "value", "{}"),
            ("-low", "low", "{}, low"),
            ("-high", "high", "{}, high"),
        ):
            yield Column(
                key=f"{name}{ending}", title=heading.format(title), numeric=True, unit=unit,
                value=_quantity_reader(name, part), text=lambda value: f"~{text(value)}",
            )  # fmt: skip

    yield from predicted("flops", "FLOPs", "FLOP", format_flops)
    yield from predicted("flops-training-step", "FLOPs, step", "FLOP", format_flops)
    yield Column(
        key="size",
        title="Size",
        value=_quantity_reader("size", "value"),
        text=format_bytes,
        numeric=True,
        unit="bytes",
    )
    yield from predicted("memory", "Memory", "bytes", format_bytes)
    yield from predicted("memory-allocated", "Tensors", "bytes", format_bytes)
    yield from predicted("memory-reserved", "Reserved", "bytes", format_bytes)
    yield from predicted("latency", "Latency", "s", format_seconds)
    yield Column(
        key="throughput",
        title="Rows/s",
        value=_rows_per_s,
        numeric=True,
        text=lambda value: f"~{format_rate(value)}",
    )
    yield Column(key="windows", title="Windows", value=lambda row: row.windows, numeric=True)
    yield Column(key="verdict", title="Verdict", value=lambda row: row.verdict)


def _active(row: Row) -> int:
    """Parameters that one token meets: all of them, but for a mixture of experts."""
    return round(row.record.value("active") or row.spec.parameters)


def _rows_per_s(row: Row) -> float | None:
    seconds = row.record.value("latency")
    return None if seconds is None else row.workload.batch / seconds


def _quantity_reader(name: str, part: str) -> Callable[[Row], Any]:
    def read(row: Row) -> Any:
        quantity = row.record.get(name)
        if quantity is None:
            return None
        value = getattr(quantity, part)
        return round(value) if value is not None and quantity.unit in ("B", "1", "FLOP") else value

    return read


def _short_names(rows: Sequence[Row]) -> dict[str, str]:
    """The last part of each id; the whole id where two rows share that part."""
    shorts = [row.spec.id.rpartition("/")[2] for row in rows]
    different = {row.spec.id: short for row, short in zip(rows, shorts, strict=True)}
    doubled = {short for short in shorts if sum(other == short for other in different.values()) > 1}
    return {model_id: model_id if short in doubled else short for model_id, short in different.items()}
