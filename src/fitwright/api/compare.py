"""``fitwright.compare``: several models in one table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError

if TYPE_CHECKING:
    from fitwright.reporting.tables import Column
    from fitwright.sizing.comparison import Row
    from fitwright.spec.model import ModelSpec

DEFAULT_COLUMNS = (
    "model", "layers", "hidden", "heads", "parameters", "max-seq", "open", "use", "memory", "latency",
)  # fmt: skip

_OPEN: dict[bool | None, str] = {True: "open", False: "closed"}


def compare(
    names: Sequence[str],
    *,
    mode: str = "infer",
    batch: int = 1,
    seq: int = 128,
    precision: str = "fp32",
    device: str | None = None,
) -> tuple[Row, ...]:
    """Facts and first estimates for several models under one workload.

    Args:
        names: catalogue ids, aliases, short names or model directories; in the order of the result.
        mode: ``infer`` (one forward pass) or ``train`` (one optimiser step).
        batch: rows; ``seq``: tokens a row.
        precision: of weights and matrix products.
        device: a name from the device list, or ``cpu`` / ``None`` for this machine's.

    Returns:
        One row a model, with ``spec``, ``record`` and ``as_json()``.

    Raises:
        UnknownModelError, UsageError: a name, the device or the workload is wrong.
    """
    from fitwright.catalog.names import find
    from fitwright.sizing import comparison, devices
    from fitwright.spec.workload import Workload

    if not names:
        raise UsageError("compare needs at least one model", mend="Try: fitwright compare bert-base gpt2")
    workload = Workload(mode=mode, batch=batch, seq=seq, precision=precision)  # type: ignore[arg-type]
    target = devices.find(device)
    return comparison.compare([(name, find(name)) for name in names], workload, target)


def columns(rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Every column that a comparison can show; models by short name where that tells the rows apart."""
    from fitwright.core.units import format_bytes, format_count, format_seconds
    from fitwright.reporting.tables import Column
    from fitwright.sizing.comparison import layers_text, recommended_use

    def of_spec(key: str, title: str, read: Callable[[ModelSpec], Any]) -> Column[Row]:
        return Column(key=key, title=title, value=lambda row: read(row.spec))

    def number(key: str, title: str, read: Callable[[ModelSpec], Any]) -> Column[Row]:
        return Column(key=key, title=title, value=lambda row: read(row.spec), numeric=True)

    def predicted(name: str, title: str, unit: str, text: Callable[[float], str]) -> tuple[Column[Row], ...]:
        """The value, and the two ends of its interval as columns to ask for."""
        parts = (("", "value", "{}"), ("-low", "low", "{}, low"), ("-high", "high", "{}, high"))
        return tuple(
            Column(
                key=f"{name}{ending}", title=heading.format(title), numeric=True, unit=unit,
                value=_quantity_reader(name, part), text=lambda value: f"~{text(value)}",
            )
            for ending, part, heading in parts
        )  # fmt: skip

    titles = _short_names(rows)
    return (
        Column(key="model", title="Model", value=lambda row: titles[row.spec.id]),
        of_spec("id", "Id", lambda spec: spec.id),
        of_spec("class", "Class", lambda spec: spec.architecture),
        of_spec("kind", "Kind", lambda spec: spec.kind),
        Column(
            key="layers", title="Layers", value=lambda row: layers_text(row.spec), numeric=True,
            order=lambda text: sum(int(part) for part in text.split("+")),
        ),
        number("hidden", "Hidden", lambda spec: spec.dims.get("hidden")),
        number("heads", "Heads", lambda spec: spec.dims.get("heads")),
        Column(
            key="parameters", title="Params", value=lambda row: row.spec.parameters, text=format_count,
            numeric=True,
        ),
        Column(
            key="non-embedding", title="Non-embedding", value=_quantity_reader("non-embedding", "value"),
            text=format_count, numeric=True,
        ),
        number("max-seq", "Max seq", lambda spec: spec.max_sequence_length),
        of_spec("open", "Weights", lambda spec: _OPEN.get(spec.open_weights)),
        of_spec("licence", "Licence", lambda spec: spec.licence),
        of_spec("use", "Recommended use", recommended_use),
        *predicted("flops", "FLOPs", "FLOP", format_count),
        Column(
            key="size", title="Size", value=_quantity_reader("size", "value"), text=format_bytes,
            numeric=True, unit="bytes",
        ),
        *predicted("memory", "Memory", "bytes", format_bytes),
        *predicted("latency", "Latency", "s", format_seconds),
    )  # fmt: skip


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
