from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fitwright.core.errors import UsageError
from fitwright.data.dataset import LabelledText
from fitwright.data.kind_profile import KindProfile, profile_of
from fitwright.data.kinds.captioned_images import CaptionedImages
from fitwright.data.kinds.conversations import Conversations, Message
from fitwright.data.kinds.documents import Documents
from fitwright.data.kinds.embedding_pairs import EmbeddingPairs
from fitwright.data.kinds.images import LabelledImages
from fitwright.data.kinds.loading import KINDS, load_rows
from fitwright.data.kinds.multilabel import MultiLabelText
from fitwright.data.kinds.questions import Answer, AnsweredQuestions
from fitwright.data.kinds.scored_text import ScoredText
from fitwright.data.kinds.source_targets import SourceTargets
from fitwright.data.kinds.token_tags import TaggedTokens
from fitwright.data.profile import DataProfile, profile
from fitwright.data.splitting import split
from fitwright.data.tokens import TextTokenizer

N = 200
TEXTS = tuple(f"the row of number {i} is about {'this and that ' * (i % 5)}" for i in range(N))
HALVES = tuple(i % 2 for i in range(N))
DIGESTS = tuple(f"{i:064x}" for i in range(N))
FILES = tuple(Path(f"{i}.png") for i in range(N))
SIZES = tuple((4 + i % 2, 3) for i in range(N))

DATASETS: list[tuple[Any, list[str]]] = [
    (LabelledText(texts=TEXTS, labels=HALVES, names=("no", "yes"), pairs=TEXTS),
     ["classes    2: no 50.0%, yes 50.0%", "pair "]),
    (MultiLabelText(texts=TEXTS, label_sets=((0, 1), ()) * (N // 2), names=("a", "b")),
     ["labels     1.00 a row, at most 2; 50.0% of the rows: none", "classes    2: a 50.0%, b 50.0%"]),
    (ScoredText(texts=TEXTS, scores=tuple(map(float, range(N)))), ["score      0 to 199, median 99.5"]),
    (TaggedTokens(tokens=tuple((*t.split()[:3], t.split()[4]) for t in TEXTS),
                  tags=((0, 1, 0, 0),) * N, names=("O", "B-X")),
     ["classes    2: O 75.0%, B-X 25.0% of the tokens", "words      800, median 4 a sentence"]),
    (AnsweredQuestions(ids=tuple(map(str, range(N))), questions=("Which row?",) * N, contexts=TEXTS,
                       answers=((Answer("row", 4),), ()) * (N // 2)),
     ["contexts   200", "answers    50.0% of the questions have none; median 3 characters"]),
    (EmbeddingPairs(anchors=TEXTS, positives=TEXTS, negatives=(("a", "b"),) * N),
     ["form       triplets", "negatives  2.0 a row"]),
    (SourceTargets(sources=TEXTS, targets=TEXTS), ["source     median", "target     median"]),
    (Conversations(messages=tuple((Message("user", t), Message("assistant", t)) for t in TEXTS)),
     ["messages   median 2 a conversation", "learned    50% of the characters"]),
    (Documents(texts=TEXTS), ["in all     "]),
    (LabelledImages(paths=FILES, labels=HALVES, names=("cat", "dog"), digests=DIGESTS, sizes=SIZES),
     ["pixels     median 4 × 3, from 4 × 3 to 5 × 3; 2 different sizes", "classes    2: cat 50.0%"]),
    (CaptionedImages(paths=FILES, captions=TEXTS, digests=DIGESTS, sizes=SIZES), ["images     200"]),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "expected"), DATASETS, ids=lambda value: type(value).__name__)
def test_every_kind_has_a_profile(dataset: Any, expected: list[str]) -> None:
    splits = split(dataset)
    found = profile_of(dataset, splits)
    assert isinstance(found, KindProfile)
    assert sum(found.parts.values()) == found.rows == N
    assert (found.duplicates, found.tokens) == (0, None)
    assert found.language == (None if isinstance(dataset, LabelledImages) else "en")
    assert json.loads(json.dumps(found.as_json())) == found.as_json()
    shown = "\n".join(found.lines())
    assert shown.startswith("rows       200 (train ")
    assert [line for line in expected if line not in shown] == []
    twice = dataset.subset([*range(N), *range(N)])
    copied = profile_of(twice, split(twice))
    assert isinstance(copied, KindProfile)
    assert copied.duplicates == N
    assert any("50% of the rows repeat an earlier row" in warning for warning in copied.warnings)
    assert copied.shared == {}


def test_single_texts_with_a_class_keep_their_profile() -> None:
    dataset = LabelledText(texts=TEXTS, labels=HALVES, names=("no", "yes"))
    splits = split(dataset)
    found = profile_of(dataset, splits)
    assert isinstance(found, DataProfile)
    assert found == profile(dataset, splits)


def test_texts_in_two_parts_are_warned_of() -> None:
    dataset = EmbeddingPairs(anchors=TEXTS, positives=("the same",) * N)
    splits = split(dataset)
    found = profile_of(dataset, splits)
    assert isinstance(found, KindProfile)
    held_out = len(splits.validation) + len(splits.test)
    assert found.shared == {"positive": held_out}
    assert any(
        f"the positive of {held_out} of the {held_out} validation and test rows" in w for w in found.warnings
    )


def test_tokens_are_counted_over_what_is_read_together(encoder_dir: Path) -> None:
    dataset = AnsweredQuestions(ids=TEXTS, questions=TEXTS, contexts=TEXTS, answers=((),) * N)
    tokenizer = TextTokenizer.load(encoder_dir, 16)
    found = profile_of(dataset, split(dataset), tokenizer)
    assert isinstance(found, KindProfile)
    assert found.tokens is not None
    assert found.tokens.maximum == 2 * max(tokenizer.lengths(TEXTS))
    assert found.cut_share == pytest.approx(1.0)
    assert "100% of the rows are longer than 16 tokens" in found.warnings
    assert "no question has an answer" in found.warnings


def test_kinds_by_name(tmp_path: Path) -> None:
    for number in range(16):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), number).save(path)
    rows = [
        {"text": f"a{i}", "label": i % 2, "labels": "x|y", "score": i, "tokens": ["a"], "tags": ["NO"[i % 2]],
         "question": "q", "context": "c", "answers": [], "anchor": "a", "positive": "p", "source": "s",
         "target": "t", "prompt": "p", "completion": "c", "image": "images/a/0.png", "caption": "c"}
        for i in range(16)
    ]  # fmt: skip
    table = tmp_path / "all.jsonl"
    table.write_text("\n".join(map(json.dumps, rows)))
    kinds = set()
    chosen = {"labelled-text": {"label": "label"}, "multi-label-text": {"labels": "labels"}}
    for kind in KINDS:
        dataset, source = load_rows(kind, table, columns=chosen.get(kind))
        assert len(dataset) == source.rows == 16
        kinds.add(type(dataset))
    assert len(kinds) == len(KINDS)
    with pytest.raises(UsageError, match=r"unknown kind of data; got 'text'; allowed: labelled-text, "):
        load_rows("text", table)
    with pytest.raises(UsageError, match="has no classes; got 'documents'"):
        load_rows("documents", table, names=("a", "b"))
    with pytest.raises(UsageError, match="no such role"):
        load_rows("labelled-text", table, columns={"target": "label"})
