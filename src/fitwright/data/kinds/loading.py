"""Every kind of data by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.data.dataset import DataSource, load_labelled
from fitwright.data.interface import Dataset, RowSource
from fitwright.data.kinds import (
    captioned_images,
    conversations,
    documents,
    embedding_pairs,
    images,
    multilabel,
    questions,
    scored_text,
    source_targets,
    token_tags,
)

LABELLED_TEXT = "labelled-text"
_LOADERS: dict[str, Callable[..., tuple[Any, RowSource]]] = {
    multilabel.KIND: multilabel.load_multilabel,
    scored_text.KIND: scored_text.load_scored_text,
    token_tags.KIND: token_tags.load_token_tags,
    questions.KIND: questions.load_questions,
    embedding_pairs.KIND: embedding_pairs.load_embedding_pairs,
    source_targets.KIND: source_targets.load_source_targets,
    conversations.KIND: conversations.load_conversations,
    documents.KIND: documents.load_documents,
    images.KIND: images.load_labelled_images,
    captioned_images.KIND: captioned_images.load_captioned_images,
}
KINDS = (LABELLED_TEXT, *_LOADERS)
WITH_CLASSES = frozenset((LABELLED_TEXT, multilabel.KIND, token_tags.KIND, images.KIND))


def load_rows(
    kind: str,
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
) -> tuple[Dataset, DataSource | RowSource]:
    """Read data of one of ``KINDS``.

    Args:
        kind: one of ``KINDS``.
        path: what its loader reads.
        columns: role → column (see ``data.roles.column_choice``).
        names: the classes in order where a model already fixes them; for the kinds ``WITH_CLASSES``.

    Raises:
        UsageError: an unknown kind or role, or classes for a kind without them.
        DataError: what the kind's loader refuses.
    """
    if kind not in KINDS:
        raise UsageError("unknown kind of data", got=kind, allowed=", ".join(KINDS))
    if names is not None and kind not in WITH_CLASSES:
        raise UsageError(
            "this kind of data has no classes", got=kind, allowed=", ".join(sorted(WITH_CLASSES))
        )
    if kind == LABELLED_TEXT:
        chosen = dict(columns or {})
        unknown = sorted(set(chosen) - {"text", "label", "pair"})
        if unknown:
            raise UsageError(
                "this kind of data has no such role for a column", got=unknown[0], allowed="text, label, pair"
            )
        given = {role: name for role, name in chosen.items() if name}
        return load_labelled(path, names=names, **given)
    options: dict[str, Any] = {} if names is None else {"names": names}
    return _LOADERS[kind](path, columns=columns, **options)
