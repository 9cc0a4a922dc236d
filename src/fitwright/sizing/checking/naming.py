"""Names of models, however they are written, and the models of the catalogue that they fit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from fitwright.catalog import store
from fitwright.sizing.checking.stated import normal
from fitwright.spec.model import ModelSpec


@dataclass(frozen=True, kw_only=True)
class Found:
    """Models that a name may mean.

    Attributes:
        exact: the one that it names.
        others: those whose name goes on where this one ends (*GPT-2* for *GPT-2 medium*).
        sized: the name says a size, such as *base* or *7B*.
        loose: the name is a part of theirs, so they count only where they agree with all of the row.
        size: a size behind the name, such as ``117m``, that the catalogue's names do not have.
    """

    exact: ModelSpec | None
    others: tuple[ModelSpec, ...]
    sized: bool
    loose: bool = False
    size: str = ""


_WORDS = {"中文": " chinese ", "多语言": " multilingual ", "小型": " small ", "大型": " large "}
_SIZES = frozenset(
    ("base", "large", "small", "tiny", "mini", "medium", "nano", "micro", "xl", "xxl", "xsmall", "xlarge",
     "xxlarge", "huge", "giant")
)  # fmt: skip
_COMMON = _SIZES | {"cased", "uncased", "chinese", "english", "multilingual", "model"}
_TOKEN = re.compile(r"\d+(?:\.\d+)*|[a-z]+|[\u4e00-\u9fff]+")
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_SIZE_BEHIND = re.compile(r"[\s(\[,-]*(?<![\d.])(\d+(?:\.\d+)?\s*[mb])(?:\s*(?:params?|parameters))?[)\]]?$")


def tokens(name: str) -> tuple[str, ...]:
    """Words and numbers of a name, however they are joined: ``T5-v1_1 Small`` → t, 5, v, 1.1, small."""
    text = normal(name)
    for chinese, english in _WORDS.items():
        text = text.replace(chinese, english)
    text = re.sub(r"(?<=\d)_(?=\d)", ".", text)
    text = re.sub(r"(?<=[a-z])v(?=\d)", " v", text)
    text = re.sub(r"\b(x+)[ _-](?=large|small)", r"\1", text)
    return tuple(_TOKEN.findall(text))


@lru_cache(maxsize=1)
def index() -> tuple[tuple[tuple[str, ...], ModelSpec], ...]:
    """Every name of every model as tokens: everyday names first, then the others in the catalogue's order."""
    keys = [(tokens(alias), store.load(model_id)) for alias, model_id in store.aliases().items()]
    for spec in store.load_all():
        texts = (spec.id, spec.id.rpartition("/")[2], spec.name, _BRACKETS.sub("", spec.name))
        keys += [(key, spec) for key in dict.fromkeys(map(tokens, texts))]
    return tuple(keys)


def look_up(name: str) -> Found | None:
    """Models that fit the name as it stands, then without what stands in brackets or a size behind it."""
    found = _by_tokens(tokens(name))
    if found is None and "/" in name:
        found = _by_tokens(tokens(name.rpartition("/")[2]))
    if found is None and _BRACKETS.search(name):
        found = _by_tokens(tokens(_BRACKETS.sub("", name)))
    behind = _SIZE_BEHIND.search(normal(name))
    if found is None and behind is not None:
        rest = _by_tokens(tokens(normal(name)[: behind.start()]))
        if rest is not None:
            found = replace(rest, size=behind[1])
    return found


def _by_tokens(wanted: tuple[str, ...]) -> Found | None:
    if not wanted:
        return None
    names = index()
    joined, in_order = "".join(wanted), sorted(wanted)
    exact = [(key, spec) for key, spec in names if "".join(key) == joined]
    exact = exact or [(key, spec) for key, spec in names if sorted(key) == in_order]
    longer = _by_catalogue(spec for key, spec in names if key[: len(wanted)] == wanted)
    if not exact and not longer:
        distinctive = any(len(word) > 2 and word not in _COMMON for word in wanted)
        within = _by_catalogue(spec for key, spec in names if distinctive and _inside(wanted, key))
        return Found(exact=None, others=tuple(within), sized=False, loose=True) if within else None
    named = different(spec for _, spec in exact)
    others = different(spec for spec in (*named[1:], *longer) if not named or spec.id != named[0].id)
    sized = any(_says_size(key) for key in (wanted, *(key for key, _ in exact)))
    return Found(exact=named[0] if named else None, others=tuple(others), sized=sized)


def different(specs: Iterable[ModelSpec]) -> list[ModelSpec]:
    """Each model once, in the order of its first appearance."""
    return list({spec.id: spec for spec in specs}.values())


def _by_catalogue(specs: Iterable[ModelSpec]) -> list[ModelSpec]:
    place = {model_id: number for number, model_id in enumerate(store.ids())}
    return sorted(different(specs), key=lambda spec: place[spec.id])


def _inside(wanted: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return any(key[start : start + len(wanted)] == wanted for start in range(len(key) - len(wanted) + 1))


def _says_size(wanted: tuple[str, ...]) -> bool:
    if any(word in _SIZES for word in wanted):
        return True
    return any(
        (first[0].isdigit() and then in ("m", "b")) or (first == "l" and then.isdigit())
        for first, then in pairwise(wanted)
    )
