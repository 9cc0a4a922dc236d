"""Which column plays which role: as told (``--column role=name``), else by its usual name, else an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fitwright.core.errors import DataError, UsageError
from fitwright.data.table import Table, is_missing


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a column is for.

    Attributes:
        name: as in ``--column name=…``.
        usual: names in lower case; an earlier tuple wins over a later one, two matches in one are ambiguous.
        optional: it may be absent.
    """

    name: str
    usual: tuple[tuple[str, ...], ...]
    optional: bool = False


def find_columns(
    table: Table, roles: Sequence[Role], chosen: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The column of each role.

    Args:
        table: the rows.
        roles: in the order in which they choose; a column plays one role.
        chosen: the user's choice, role → column. ``answers.text`` names a key of the objects in a column; an
            empty name says that an optional role is not played.

    Returns:
        Role → column, without the optional roles that no column plays.

    Raises:
        UsageError: a role that this kind of data does not have.
        DataError: no such column, one column twice, or no single column for a role.
    """
    chosen = dict(chosen or {})
    known = {role.name: role for role in roles}
    for told_role, column in chosen.items():
        _check_choice(table, known, told_role, column)
    taken = [column for column in chosen.values() if column]
    if len(set(taken)) < len(taken):
        twice = next(column for column in taken if taken.count(column) > 1)
        raise DataError("one column is given for two roles", got=twice, mend="Give two different columns.")
    found: dict[str, str] = {}
    for role in roles:
        told = role.name in chosen
        name = chosen[role.name] if told else _by_name(table, role, {*taken, *found.values()})
        if name:
            found[role.name] = name
    missing = [role.name for role in roles if not role.optional and role.name not in found]
    if missing:
        raise DataError(
            f"no column of {table.path} is called like {_listed(missing)}",
            got=f"columns {', '.join(table.values)}",
            mend="Say which it is: " + " ".join(f"--column {name}=NAME" for name in missing),
        )
    return found


def column_choice(pairs: Iterable[str]) -> dict[str, str]:
    """``["source=en", "target=zh"]`` as a mapping.

    Raises:
        UsageError: not of the form ``role=name``, or a role twice.
    """
    chosen: dict[str, str] = {}
    for pair in pairs:
        role, sign, name = pair.partition("=")
        role = role.strip()
        if not sign or not role:
            raise UsageError(
                "a column is given as role=name", got=pair, mend="For example --column text=body"
            )
        if role in chosen:
            raise UsageError("a role has two columns", got=f"{role}={chosen[role]} and {pair}")
        chosen[role] = name.strip()
    return chosen


def complete_rows(
    table: Table, found: Mapping[str, str], required: Sequence[str]
) -> tuple[list[int], dict[str, int]]:
    """Rows (from 0) in which no required role is empty; and how many others lack what, by the first role.

    Raises:
        DataError: no row is complete.
    """
    columns = [(role, table.column(found[role])) for role in required]
    kept: list[int] = []
    left_out: dict[str, int] = {}
    for row in range(table.rows):
        empty = next((role for role, values in columns if is_missing(values[row])), None)
        if empty is None:
            kept.append(row)
        else:
            left_out[f"no {empty}"] = left_out.get(f"no {empty}", 0) + 1
    if not kept:
        raise DataError(
            f"no row of {table.path} is complete", allowed=f"a value for {_listed(required)} in each row",
            got=", ".join(f"{count:,} rows with {reason}" for reason, count in left_out.items()),
            mend="Check that --column names the right columns.",
        )  # fmt: skip
    return kept, left_out


def _check_choice(table: Table, known: Mapping[str, Role], name: str, column: str) -> None:
    if name not in known:
        raise UsageError(
            "this kind of data has no such role for a column", got=name, allowed=", ".join(known)
        )
    if not column and not known[name].optional:
        raise UsageError(f"the role {name!r} needs a column", allowed=", ".join(table.values))
    if column and not table.holds(column):
        lowered = {other.casefold(): other for other in table.values}
        near = difflib.get_close_matches(column.casefold(), lowered, n=1)
        mend = f"Did you mean {lowered[near[0]]!r}?" if near else f"Say which it is: --column {name}=NAME"
        raise DataError(
            f"no such column in {table.path}", got=column, allowed=", ".join(table.values), mend=mend
        )


def _by_name(table: Table, role: Role, taken: set[str]) -> str | None:
    for tier in role.usual:
        found = [name for name in table.values if name.strip().casefold() in tier and name not in taken]
        if len(found) == 1:
            return found[0]
        if found:
            raise DataError(
                f"several columns of {table.path} could be meant by {role.name!r}", got=", ".join(found),
                mend=f"Say which it is: --column {role.name}={found[0]}",
            )  # fmt: skip
    return None


def _listed(names: Sequence[str]) -> str:
    return " and ".join(repr(name) for name in names)
