"""Quality of tagged entities: an entity counts when its type and both ends are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.metrics.classification import ClassScores

Entity = tuple[str, int, int]


@dataclass(frozen=True, kw_only=True)
class EntityScores:
    """Micro-averaged precision, recall and F1 over all entities, and of each type; shares from 0 to 1.

    Attributes:
        support: entities in truth.
        types: by name, sorted.
        token_accuracy: share of tokens with the right tag; high wherever ``O`` is frequent.
    """

    precision: float
    recall: float
    f1: float
    support: int
    types: dict[str, ClassScores]
    token_accuracy: float


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence as (type, first token, token after the last).

    An entity begins at ``B``, ``S`` or ``U``, at any tag of another type than the one before it, and at an
    ``I`` (or M, E, L) after ``O`` and after ``S``, ``U``, ``E`` or ``L``. It ends before the next one begins,
    before ``O``, and after ``E``, ``L``, ``S``, ``U``. So stray ``I-X`` tags are entities and not errors.

    Source: Tjong Kim Sang & Buchholz, CoNLL-2000, ``conlleval``; seqeval's ``get_entities`` (its default, not
    ``mode="strict"``). ``M-`` is read as ``I-``. A tag without a type (``B``) has the type ``_``.
    """
    found: list[Entity] = []
    start, open_type = 0, None
    for position, tag in enumerate((*tags, "O")):
        prefix, kind = ("O", None) if tag == "O" else (tag[:1], tag[2:] or "_")
        begins = kind is not None and (prefix in "BSU" or kind != open_type)
        if open_type is not None and (kind is None or begins):
            found.append((open_type, start, position))
            open_type = None
        if kind is None:
            continue
        if begins:
            start, open_type = position, kind
        if prefix in "ELSU":
            found.append((kind, start, position + 1))
            open_type = None
    return found


def entity_scores(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> EntityScores:
    """Precision, recall and F1 over the entities of all sentences; 0 where the divisor is 0.

    Args:
        truth, predicted: the tags of each sentence, one a token.

    Source: as :func:`entities`; the figures of the micro average of seqeval's ``classification_report``.
    """
    if len(truth) != len(predicted) or any(
        len(one) != len(other) for one, other in zip(truth, predicted, strict=True)
    ):
        raise UsageError("truth and prediction must have the same sentences, with as many tags")
    wanted, given, right = Counter[str](), Counter[str](), Counter[str]()
    tokens = hits = 0
    for true_tags, predicted_tags in zip(truth, predicted, strict=True):
        true_entities, predicted_entities = set(entities(true_tags)), set(entities(predicted_tags))
        wanted.update(kind for kind, _, _ in true_entities)
        given.update(kind for kind, _, _ in predicted_entities)
        right.update(kind for kind, _, _ in true_entities & predicted_entities)
        tokens += len(true_tags)
        hits += sum(one == other for one, other in zip(true_tags, predicted_tags, strict=True))
    if not tokens:
        raise UsageError("a quality metric needs at least one token")
    whole = _scores(wanted.total(), given.total(), right.total())
    return EntityScores(
        precision=whole.precision, recall=whole.recall, f1=whole.f1, support=whole.support,
        types={kind: _scores(wanted[kind], given[kind], right[kind]) for kind in sorted({*wanted, *given})},
        token_accuracy=hits / tokens,
    )  # fmt: skip


def _scores(wanted: int, given: int, right: int) -> ClassScores:
    return ClassScores(
        precision=right / given if given else 0.0, recall=right / wanted if wanted else 0.0,
        f1=2 * right / (wanted + given) if wanted + given else 0.0, support=wanted,
    )  # fmt: skip
