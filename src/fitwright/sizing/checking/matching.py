"""From a name in a table to one model; an ambiguous name is settled by the figures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fitwright.catalog import names, store
from fitwright.core.errors import UsageError
from fitwright.sizing.checking.figures import agrees, figures, off_by
from fitwright.sizing.checking.headings import COUNTS
from fitwright.sizing.checking.naming import Found, different, index, look_up, tokens
from fitwright.sizing.checking.stated import Stated, read_number
from fitwright.spec.model import ModelSpec

Evidence = Sequence[tuple[str, Stated]]
"""What the row states: (field, number)."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """The model that a name means, and how that was settled; empty where the name alone says it."""

    spec: ModelSpec
    how: str = ""


@dataclass(frozen=True, kw_only=True)
class NoMatch:
    """No model answers to the name; ``why`` says so, with near matches."""

    why: str


_NEAR = 3
_CLOSE, _FAR = 0.15, 0.5
"""How far a row's parameters may be from a model's: beside sizes that mostly agree, and alone."""

_FOLDER = ("./", "../", "/", "~/")


def match(name: str, evidence: Evidence = (), *, variant: str = "") -> Match | NoMatch:
    """The model that ``name`` means in a row that states ``evidence``.

    A name that fits several models, or that says no size (*GPT-2*), goes to the model with the most sizes of
    the row, then to the one whose parameters are nearest; to none where the row is too far from all of them,
    as the catalogue need not have every model of a family. A name with its size (*BERT-Base*) is left only
    for a namesake that has every size of the row, when the model itself has not.

    Args:
        name: the cell without markup. With ``./``, ``../``, ``/`` or ``~/`` in front it is a model directory.
        evidence: fields and numbers of the row.
        variant: what a column beside the name adds to it, such as *large*.
    """
    wanted = name.strip()
    if wanted.startswith(_FOLDER):
        return _folder(wanted)
    model_id = next((known for known in store.ids() if known.lower() == wanted.lower()), None)
    if model_id is not None:
        return Match(spec=store.load(model_id))
    found = look_up(f"{wanted} {variant}") if variant else None
    if found is None or found.loose:
        found = look_up(wanted)
    parts = found.others if found is not None and found.loose else ()
    if parts:
        found = _agreeing(parts, evidence)
    if found is not None:
        return _settle(name, found, evidence)
    if _is_folder(wanted):
        return _folder(f"./{wanted}")
    near = dict.fromkeys((*(spec.id for spec in parts), *names.near_matches(wanted)))
    hint = f"; did you mean {', '.join(list(near)[:_NEAR])}?" if near else ""
    return NoMatch(why=f"{name!r} is not in the catalogue, so its row was not judged{hint}")


def is_known(name: str) -> bool:
    """Whether the catalogue has a model by that name, or several."""
    return look_up(name.strip()) is not None


def _is_folder(path: str) -> bool:
    try:
        return (Path(path) / "config.json").is_file()
    except (OSError, ValueError):  # too long, or no path at all
        return False


def _folder(path: str) -> Match | NoMatch:
    try:
        return Match(spec=names.find(path.removesuffix("/config.json")))
    except (UsageError, OSError) as error:
        return NoMatch(
            why=f"{path!r} could not be read as a model directory, so its row was not judged: {error}"
        )


def _settle(name: str, found: Found, evidence: Evidence) -> Match | NoMatch:
    """The model that the name names, unless it is ambiguous or a namesake fits its row better."""
    named = found.exact if not found.size else None
    if named is None:
        return _choose(name, found, evidence)
    if _shared(named, evidence) == len(evidence):
        return Match(spec=named)
    if not found.sized and found.others:
        return _choose(name, found, evidence)
    shape = [(field, stated) for field, stated in evidence if field not in COUNTS]
    if not shape or _shared(named, shape) == len(shape):
        return Match(spec=named)
    whole = next((spec for spec in found.others if _shared(spec, shape) == len(shape)), None)
    return (
        _matched(name, whole, "the namesake that has every size of its row") if whole else Match(spec=named)
    )


def _choose(name: str, found: Found, evidence: Evidence) -> Match | NoMatch:
    """One of the models that an ambiguous name may mean, by the sizes and then the parameters of its row."""
    shape = [(field, stated) for field, stated in evidence if field not in COUNTS]
    counts = [(field, stated) for field, stated in evidence if field in COUNTS]
    everyone = ((found.exact,) if found.exact else ()) + found.others
    size = read_number(found.size)
    if isinstance(size, Stated):
        counts = counts or [("parameters", size)]
        everyone = tuple(spec for spec in everyone if _distance(spec, "parameters", size) <= _CLOSE)
    words = tokens(name)
    family = [spec for spec in everyone if tokens(spec.family) == words]  # T5 is T5 before it is T5 v1.1
    for group in (family, everyone):
        chosen, why = _closest(group, shape, counts)
        if chosen is not None and _plausible(chosen, shape, counts):
            return Match(spec=chosen) if chosen is found.exact else _matched(name, chosen, why)
    near = [chosen] if chosen else list(found.others)
    if counts:
        near.sort(key=lambda spec: _distance(spec, *counts[0]))
    listed = ", ".join(spec.id for spec in near[:_NEAR])
    why = f"no model whose name fits {name!r} has such figures, so its row was not judged"
    return NoMatch(why=f"{why}; nearest in the catalogue: {listed}")


def _closest(
    everyone: Sequence[ModelSpec], shape: Evidence, counts: Evidence
) -> tuple[ModelSpec | None, str]:
    """The model with the most of the sizes, of several the one that is nearest in parameters; and why."""
    if not everyone:
        return None, ""
    most = max(_shared(spec, shape) for spec in everyone)
    best = [spec for spec in everyone if _shared(spec, shape) == most]
    chosen, why = _nearest(best, counts)
    if len(everyone) == 1:
        return chosen, "the only one whose name fits"
    if len(best) < len(everyone):
        sizes = f"{'the' if most == len(shape) else f'{most} of the {len(shape)}'} sizes of its row"
        why = f"the one with {sizes}" if len(best) == 1 else f"{why}, of {len(best)} with {sizes}"
    return chosen, f"of {len(everyone)} models whose name fits, {why}"


def _plausible(spec: ModelSpec, shape: Evidence, counts: Evidence) -> bool:
    """Whether a row may be about ``spec``: all sizes right, or most right and the parameters not far off."""
    shared = _shared(spec, shape)
    if shared == len(shape) and shape:
        return True
    if not counts:
        return 3 * shared >= 2 * len(shape)
    off = _distance(spec, *counts[0])
    return 2 * shared >= len(shape) and off <= _CLOSE if shape else off <= _FAR


def _matched(name: str, spec: ModelSpec, why: str) -> Match:
    return Match(spec=spec, how=f"{name!r} was taken as {spec.id}: {why}")


def _agreeing(parts: Sequence[ModelSpec], evidence: Evidence) -> Found | None:
    """Of models whose name merely contains the one given, those that have every figure of the row."""
    whole = tuple(spec for spec in parts if evidence and _shared(spec, evidence) == len(evidence))
    return Found(exact=None, others=whole, sized=False) if whole else None


def namesake(name: str, shape: Evidence) -> ModelSpec | None:
    """A model of the same family word (*T5*, *BERT*) that has all of a row's sizes, if there is one."""
    words = tokens(name)
    first = words[: 2 if len(words) > 1 and words[1][0].isdigit() else 1]
    alike = different(spec for key, spec in index() if key[: len(first)] == first)
    return next((spec for spec in alike if _shared(spec, shape) == len(shape)), None)


def _shared(spec: ModelSpec, evidence: Evidence) -> int:
    """How many of the stated figures the model has."""
    return sum(
        any(agrees(stated, figure, field) for figure in figures(spec, field)) for field, stated in evidence
    )


def _nearest(best: Sequence[ModelSpec], counts: Evidence) -> tuple[ModelSpec, str]:
    """The model with the nearest parameters; where none is right, the plainest of that one's shape."""
    known = [spec for spec in best if counts and figures(spec, counts[0][0])]
    if not known:
        return best[0], "the first"
    field, stated = counts[0]
    nearest = min(known, key=lambda spec: _distance(spec, field, stated))
    if any(agrees(stated, figure, field) for figure in figures(nearest, field)):
        return nearest, "the one with the nearest parameter count"
    alike = [spec for spec in known if _core(spec) == _core(nearest)]
    return alike[0], "the plainest of the size that is nearest in parameters"


def _distance(spec: ModelSpec, field: str, stated: Stated) -> float:
    """Relative distance of a stated count from the model's nearest one; infinite where it has none."""
    return min((abs(off_by(stated, figure)) for figure in figures(spec, field)), default=math.inf)


def _core(spec: ModelSpec) -> tuple[int | None, ...]:
    return spec.layers, spec.dims.get("hidden"), spec.dims.get("heads")
