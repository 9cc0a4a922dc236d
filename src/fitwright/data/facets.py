"""What a profile looks at in each kind of data: texts, classes, what makes a row a copy, what may leak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from fitwright.data.content import normalised
from fitwright.data.dataset import LabelledText
from fitwright.data.kinds.captioned_images import CaptionedImages
from fitwright.data.kinds.conversations import Conversations
from fitwright.data.kinds.documents import Documents
from fitwright.data.kinds.embedding_pairs import EmbeddingPairs
from fitwright.data.kinds.images import LabelledImages
from fitwright.data.kinds.multilabel import MultiLabelText
from fitwright.data.kinds.questions import AnsweredQuestions
from fitwright.data.kinds.scored_text import ScoredText
from fitwright.data.kinds.source_targets import SourceTargets
from fitwright.data.kinds.token_tags import TaggedTokens


@dataclass(frozen=True, kw_only=True)
class Facets:
    """A dataset as its profile sees it.

    Attributes:
        texts: name → the texts of the rows; the first tells the language.
        inputs: those of ``texts`` that a model reads in one go, row by row.
        rows: of each row what makes another one its copy.
        others: name → texts beside the key of the split, which may therefore stand in two parts.
        counted: what ``classes`` counts: ``rows``, ``tokens``.
        classes: name → how many.
        figures: name → what else is worth knowing, as text.
        warnings: what the kind itself gives rise to.
    """

    texts: dict[str, Sequence[str]]
    rows: Sequence[Any]
    inputs: tuple[str, ...] = ()
    others: dict[str, Sequence[str]] = field(default_factory=dict)
    counted: str = "rows"
    classes: dict[str, int] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@singledispatch
def facets(dataset: object) -> Facets:
    """The facets of a dataset of any kind in ``data.kinds``, and of pairs of texts with a class."""
    raise TypeError(f"no facets of {type(dataset).__name__}")


def _texts(texts: Sequence[str], pairs: Sequence[str] | None) -> dict[str, Sequence[str]]:
    return {"text": texts} if pairs is None else {"text": texts, "pair": pairs}


def _copies(*columns: Sequence[str] | None) -> list[tuple[str, ...]]:
    present = [[normalised(text) for text in column] for column in columns if column is not None]
    return list(zip(*present, strict=True))


def _spread(values: Sequence[float]) -> str:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return f"{min(values):.4g} to {max(values):.4g}, median {middle:.4g}, 90 % from {low:.4g} to {high:.4g}"


@facets.register
def _of_labelled(dataset: LabelledText) -> Facets:
    counts = Counter(dataset.labels)
    return Facets(
        texts=_texts(dataset.texts, dataset.pairs), inputs=("text", "pair"),
        rows=_copies(dataset.texts, dataset.pairs),
        classes={name: counts[index] for index, name in enumerate(dataset.names)},
    )  # fmt: skip


@facets.register
def _of_multilabel(dataset: MultiLabelText) -> Facets:
    sizes = [len(row) for row in dataset.label_sets]
    bare = sizes.count(0) / max(1, len(sizes))
    warnings = (
        (f"{bare:.0%} of the rows have no class at all; check that this is meant",) if bare > 0.5 else ()
    )
    return Facets(
        texts=_texts(dataset.texts, dataset.pairs), inputs=("text", "pair"),
        rows=_copies(dataset.texts, dataset.pairs),
        classes=dict(zip(dataset.names, dataset.counts(), strict=True)),
        figures={"labels": f"{np.mean(sizes):.2f} a row, at most {max(sizes)}; {bare:.1%} of the rows: none"},
        warnings=warnings,
    )  # fmt: skip


@facets.register
def _of_scored(dataset: ScoredText) -> Facets:
    return Facets(
        texts=_texts(dataset.texts, dataset.pairs), inputs=("text", "pair"),
        rows=_copies(dataset.texts, dataset.pairs), figures={"score": _spread(dataset.scores)},
    )  # fmt: skip


@facets.register
def _of_tagged(dataset: TaggedTokens) -> Facets:
    counts = Counter(tag for row in dataset.tags for tag in row)
    sizes = [len(row) for row in dataset.tokens]
    return Facets(
        texts={"sentence": [" ".join(row) for row in dataset.tokens]}, inputs=("sentence",),
        rows=_copies(["".join(row) for row in dataset.tokens]), counted="tokens",
        classes={name: counts[index] for index, name in enumerate(dataset.names)},
        figures={"words": f"{sum(sizes):,}, median {np.median(sizes):.0f} a sentence, at most {max(sizes)}"},
    )  # fmt: skip


@facets.register
def _of_questions(dataset: AnsweredQuestions) -> Facets:
    open_ended = sum(not row for row in dataset.answers)
    lengths = [len(answer.text) for row in dataset.answers for answer in row]
    figures = {
        "contexts": f"{len(set(dataset.contexts)):,}",
        "answers": f"{open_ended / max(1, len(dataset)):.1%} of the questions have none"
        + (f"; median {np.median(lengths):.0f} characters, longest {max(lengths)}" if lengths else ""),
    }
    warnings = () if lengths else ("no question has an answer",)
    return Facets(
        texts={"context": dataset.contexts, "question": dataset.questions}, inputs=("question", "context"),
        rows=_copies(dataset.questions, dataset.contexts), figures=figures, warnings=warnings,
    )  # fmt: skip


@facets.register
def _of_embeddings(dataset: EmbeddingPairs) -> Facets:
    figures: dict[str, str] = {"form": dataset.form}
    if dataset.scores is not None:
        figures["score"] = _spread(dataset.scores)
    if dataset.negatives is not None:
        figures["negatives"] = f"{np.mean([len(row) for row in dataset.negatives]):.1f} a row"
    return Facets(
        texts={"anchor": dataset.anchors, "positive": dataset.positives}, inputs=("anchor",), figures=figures,
        rows=_copies(dataset.anchors, dataset.positives), others={"positive": dataset.positives},
    )  # fmt: skip


@facets.register
def _of_sources(dataset: SourceTargets) -> Facets:
    return Facets(
        texts={"source": dataset.sources, "target": dataset.targets}, inputs=("source",),
        rows=_copies(dataset.sources, dataset.targets), others={"target": dataset.targets},
    )  # fmt: skip


@facets.register
def _of_conversations(dataset: Conversations) -> Facets:
    learned = sum(len(m.content) for row in dataset.messages for m in row if m.role == "assistant")
    whole = sum(len(m.content) for row in dataset.messages for m in row)
    turns = [len(row) for row in dataset.messages]
    figures = {
        "messages": f"median {np.median(turns):.0f} a conversation, at most {max(turns)}",
        "learned": f"{learned / max(1, whole):.0%} of the characters are the assistant's",
    }
    texts = ["\n".join(message.content for message in row) for row in dataset.messages]
    return Facets(texts={"dialogue": texts}, inputs=("dialogue",), rows=_copies(texts), figures=figures)


@facets.register
def _of_documents(dataset: Documents) -> Facets:
    total = sum(map(len, dataset.texts))
    return Facets(
        texts={"text": dataset.texts}, inputs=("text",), rows=_copies(dataset.texts),
        figures={"in all": f"{total:,} characters"},
    )  # fmt: skip


def _sizes(sizes: Sequence[tuple[int, int]]) -> dict[str, str]:
    widths, heights = zip(*sizes, strict=True)
    kinds = len(set(sizes))
    return {
        "pixels": f"median {np.median(widths):.0f} × {np.median(heights):.0f}, "
        f"from {min(widths)} × {min(heights)} to {max(widths)} × {max(heights)}; {kinds:,} different sizes"
    }


@facets.register
def _of_images(dataset: LabelledImages) -> Facets:
    counts = Counter(dataset.labels)
    return Facets(
        texts={}, rows=dataset.digests, figures=_sizes(dataset.sizes),
        classes={name: counts[index] for index, name in enumerate(dataset.names)},
    )  # fmt: skip


@facets.register
def _of_captions(dataset: CaptionedImages) -> Facets:
    figures = {"images": f"{len(set(dataset.digests)):,}", **_sizes(dataset.sizes)}
    return Facets(
        texts={"caption": dataset.captions}, inputs=("caption",), figures=figures,
        rows=list(zip(dataset.digests, map(normalised, dataset.captions), strict=True)),
        others={"caption": dataset.captions},
    )  # fmt: skip
