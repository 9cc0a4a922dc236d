"""SQuAD's own JSON (v1.1 and v2.0) as a table with a row for each question."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.data.encoding import encoding_error, refuse_binary
from fitwright.data.reading import check_file
from fitwright.data.table import Table

_PEEK = 4096


def read_squad(path: Path) -> Table | None:
    """The table of a SQuAD file: ``id``, ``question``, ``context``, ``answers``; ``None`` for another file.

    A question with ``is_impossible`` has no answers, whatever stands there: v2.0 gives plausible ones apart.

    Raises:
        DataError: a SQuAD file that is broken, or a part of it that is not as the format says.
    """
    if path.suffix.lower() != ".json" or path.is_dir():
        return None
    check_file(path)
    refuse_binary(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            head = file.read(_PEEK).lstrip()
            if not head.startswith("{") or '"data"' not in head:
                return None
            file.seek(0)
            content = json.loads(file.read())
    except UnicodeDecodeError:
        raise encoding_error(path) from None
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON lines under another name
            return None
        raise DataError(
            f"{path}, line {error.lineno}: broken JSON ({error.msg})", allowed="SQuAD JSON"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("data"), list):
        return None
    return _questions(content["data"], path)


def _questions(articles: list[Any], path: Path) -> Table:
    values: dict[str, list[Any]] = {"id": [], "question": [], "context": [], "answers": []}
    for at, article in enumerate(articles, start=1):
        for nth, paragraph in enumerate(_part(article, "paragraphs", list, f"{path}, article {at}"), start=1):
            where = f"{path}, article {at}, paragraph {nth}"
            context = _part(paragraph, "context", str, where)
            for question in _part(paragraph, "qas", list, where):
                values["question"].append(_part(question, "question", str, where))
                values["id"].append(question.get("id"))
                impossible = question.get("is_impossible") is True
                values["answers"].append([] if impossible else _part(question, "answers", list, where))
                values["context"].append(context)
    if not values["id"]:
        raise DataError("the data file has no questions", got=str(path))
    return Table(path=path, values=values, unit="question")


def _part(value: Any, key: str, kind: type, where: str) -> Any:
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind):
        wanted = {"list": "a list", "str": "a text"}[kind.__name__]
        raise DataError(f"{where}: {key!r} is missing or not {wanted}", allowed="SQuAD JSON, v1.1 or v2.0")
    return found
