"""Rows of a table that meet conditions on its columns."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.core.units import parse_bytes, parse_count, parse_seconds
from fitwright.reporting.tables import Column, Row, choose

_CONDITION = re.compile(r"^\s*([a-z][a-z-]*)\s*(<=|>=|!=|<|>|=)\s*(.+?)\s*$")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


def keep(rows: Sequence[Row], columns: Sequence[Column[Row]], conditions: str) -> tuple[Row, ...]:
    """Rows that meet every one of ``conditions``, such as ``memory<2GB,latency<=50ms,verdict=fits``.

    Values are read in the column's unit: sizes, durations, counts (``200M``), else text without letter case.
    A row whose value is unknown meets no condition.

    Raises:
        UsageError: not a condition, an unknown column, or a value that does not suit the column.
    """
    tests = [_test(part, columns) for part in conditions.split(",")]
    return tuple(row for row in rows if all(test(row) for test in tests))


def _test(text: str, columns: Sequence[Column[Row]]) -> Callable[[Row], bool]:
    match = _CONDITION.match(text)
    if match is None:
        raise UsageError(
            "not a condition", got=text, allowed="column, one of < <= > >= = !=, value: 'parameters<200M'"
        )
    name, sign, wanted_text = match.groups()
    (column,) = choose(columns, [name])
    wanted = _value(column, sign, wanted_text)
    compare = _COMPARE[sign]

    def test(row: Row) -> bool:
        value = column.value(row)
        if value is None:
            return False
        return compare(value if column.numeric and column.order is None else str(value).lower(), wanted)

    return test


def _value(column: Column[Row], sign: str, text: str) -> Any:
    if not column.numeric or column.order is not None:
        if sign not in ("=", "!="):
            raise UsageError("this column holds text", got=f"{column.key}{sign}{text}", allowed="= and !=")
        return text.lower()
    if column.unit == "bytes":
        return parse_bytes(text)
    return parse_seconds(text) if column.unit == "s" else parse_count(text)
