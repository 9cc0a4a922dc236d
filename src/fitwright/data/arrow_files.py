"""Parquet and Arrow files, folders of them, and what ``datasets`` saves, read with pyarrow alone.

Where the schema carries the features of ``datasets``, class numbers are read as the names given there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.core.files import read_json
from fitwright.core.optional import require
from fitwright.data.delimited import refuse_twins
from fitwright.data.table import Table

SUFFIXES = (".parquet", ".arrow")


def read_arrow(path: Path) -> Table:
    """The table of one Parquet (``.parquet``) or Arrow IPC (``.arrow``, stream or file) file."""
    return _as_table(_arrow_table(path), path)


def read_arrow_folder(path: Path) -> Table | None:
    """The rows of a folder: its Parquet or Arrow files in the order of their names.

    A folder that ``datasets.save_to_disk`` wrote is read in the order that it states. ``None`` where the
    folder holds none of this.

    Raises:
        DataError: a saved ``DatasetDict`` (asks for one of its parts), unreadable files, or files whose
            columns differ.
    """
    if (path / "dataset_dict.json").is_file():
        parts = read_json(path / "dataset_dict.json", "dataset_dict.json").get("splits", [])
        raise DataError(
            "the folder holds several data sets", got=str(path), allowed="a folder with one of them",
            mend="Give one of: " + ", ".join(str(path / part) for part in parts),
        )  # fmt: skip
    files = _stated_files(path) or [
        file for suffix in SUFFIXES for file in sorted(path.glob(f"*{suffix}")) if file.is_file()
    ]
    if not files:
        return None
    arrow = require("pyarrow")
    tables = [_arrow_table(file) for file in files]
    try:
        whole = arrow.concat_tables(tables, promote_options="permissive")
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        raise DataError(f"the files of {path} do not fit together: {_first_line(error)}") from None
    return _as_table(whole, path)


def _stated_files(path: Path) -> list[Path]:
    """The files that ``state.json`` of a saved data set lists."""
    if not (path / "state.json").is_file():
        return []
    stated = read_json(path / "state.json", "state.json").get("_data_files", [])
    files = [path / entry["filename"] for entry in stated]
    absent = [file.name for file in files if not file.is_file()]
    if absent:
        raise DataError(f"{path} is not complete: files that state.json lists are not there", got=absent[0])
    return files


def _arrow_table(path: Path) -> Any:
    arrow = require("pyarrow")
    kind = "Parquet" if path.suffix.lower() == ".parquet" else "Arrow"
    try:
        if kind == "Parquet":
            with require("pyarrow.parquet").ParquetFile(path) as file:
                return file.read()
        return _ipc_table(path)
    except (arrow.ArrowInvalid, OSError) as error:
        raise DataError(f"not a readable {kind} file: {_first_line(error)}", got=str(path),
                        mend="Write the file again.") from None  # fmt: skip


def _ipc_table(path: Path) -> Any:
    """``datasets`` writes the stream form, most others the file form, which begins with a mark."""
    ipc = require("pyarrow.ipc")
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
        file.seek(0)
        with (ipc.open_file if is_file else ipc.open_stream)(file) as reader:
            return reader.read_all()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120]


def _as_table(table: Any, path: Path) -> Table:
    refuse_twins(table.column_names, path)
    names_of = _class_names(table.schema.metadata or {})
    return Table(
        path=path,
        values={
            name: _named(column.to_pylist(), names_of.get(name))
            for name, column in zip(table.column_names, table.columns, strict=True)
        },
    )


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Column → class names, of the features that ``datasets`` puts into a schema; lists of classes too."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    found = {}
    for name, feature in features.items():
        while isinstance(feature, dict) and isinstance(feature.get("feature"), dict):
            feature = feature["feature"]
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names"):
            found[name] = feature["names"]
    return found


def _named(values: list[Any], names: list[str] | None) -> list[Any]:
    """Class numbers by name; -1, which stands for an unknown class, is missing."""
    if names is None:
        return values

    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(inner) for inner in value]
        if not isinstance(value, int):
            return value
        return names[value] if 0 <= value < len(names) else None if value == -1 else value

    return [named(value) for value in values]
