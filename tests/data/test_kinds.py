from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest

from fitwright.core.errors import DataError, UsageError
from fitwright.data.kinds.conversations import Message, load_conversations
from fitwright.data.kinds.embedding_pairs import load_embedding_pairs
from fitwright.data.kinds.questions import Answer, load_questions
from fitwright.data.kinds.source_targets import load_source_targets
from fitwright.data.kinds.token_tags import load_token_tags
from fitwright.data.splitting import split


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def shards(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A folder of two Parquet files."""
    path.mkdir()
    for number, part in enumerate((rows[:1], rows[1:])):
        parquet.write_table(pyarrow.Table.from_pylist(part), path / f"part-{number}.parquet")
    return path


def refused(load: Callable[[Path], Any], path: Path) -> str:
    with pytest.raises((DataError, UsageError)) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# what holds for every kind

EXAMPLES: list[tuple[Callable[..., Any], list[dict[str, Any]]]] = [
    (load_token_tags, [{"tokens": ["Ann", f"left{i}"], "tags": ["B-PER", "O"]} for i in range(60)]),
    (load_questions, [
        {"id": str(i), "question": "Who?", "context": f" Ann left {i}.",
         "answers": {"text": ["Ann"], "answer_start": [1]}}
        for i in range(60)
    ]),
    (load_embedding_pairs, [{"anchor": f"a{i}", "positive": "p", "negative": ["n", "m"]} for i in range(60)]),
    (load_embedding_pairs, [{"sentence1": f"a{i}", "sentence2": "p", "score": i / 7} for i in range(60)]),
    (load_source_targets, [{"en": f"a{i}", "zh": "甲"} for i in range(60)]),
    (load_conversations, [
        {"messages": [{"role": "user", "content": f"a{i}"}, {"role": "assistant", "content": "b"}]}
        for i in range(60)
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("load", "rows"), EXAMPLES)
def test_each_kind_is_a_dataset(tmp_path: Path, load: Callable[..., Any], rows: list[dict[str, Any]]) -> None:
    dataset, source = load(lines(tmp_path / "a.jsonl", rows))
    assert len(dataset) == len(dataset.keys()) == source.rows == 60
    assert json.loads(json.dumps(source.as_json()))["fingerprint"] == dataset.fingerprint
    assert dataset.subset(range(60)) == dataset
    assert dataset.subset([2, 1]).keys() == (dataset.keys()[2], dataset.keys()[1])
    prints = {dataset.subset(chosen).fingerprint for chosen in ([0, 1], [1, 0], [0])}
    assert len(prints) == 3
    stored, stored_source = load(shards(tmp_path / "shards", rows))
    assert stored == dataset
    assert stored_source.fingerprint == source.fingerprint
    doubled = dataset.subset([*range(60), *range(60)])
    splits = split(doubled)
    assert {row % 60 for row in splits.indices["test"]}.isdisjoint(
        row % 60 for row in splits.indices["train"]
    )
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 120


def test_an_empty_part_is_refused_and_a_seed_named(tmp_path: Path) -> None:
    dataset, _ = load_source_targets(
        lines(tmp_path / "a.jsonl", [{"source": f"a{i}", "target": "b"} for i in range(9)])
    )
    failing = next(seed for seed in range(50) if seed_fails(dataset, seed))
    with pytest.raises(
        DataError, match=r"has no row; got '9 different rows in all'. --seed \d+ gives"
    ) as caught:
        split(dataset, seed=failing)
    assert not seed_fails(dataset, int(str(caught.value).split("--seed ")[1].split()[0]))


def seed_fails(dataset: Any, seed: int) -> bool:
    try:
        split(dataset, seed=seed)
    except DataError:
        return True
    return False


def test_the_users_columns_win_and_may_look_into_objects(tmp_path: Path) -> None:
    rows = [{"source": "web", "target": "x", "translation": {"en": "good", "zh": "好"}}]
    columns = {"source": "translation.zh", "target": "translation.en"}
    dataset, source = load_source_targets(lines(tmp_path / "a.jsonl", rows), columns=columns)
    assert (dataset.sources, dataset.targets) == (("好",), ("good",))
    assert source.columns == columns


@pytest.mark.parametrize(("columns", "message"), [
    ({"source": "txt"}, r"no such column .*got 'txt'; allowed: text, body, b\. Did you mean 'text'"),
    ({"sauce": "text"}, r"no such role .*'sauce'; allowed: source, target"),
    ({"source": "b", "target": "b"}, "one column is given for two roles; got 'b'"),
    ({"source": "text"}, r"called like 'target'; got 'columns text, body, b'.*--column target=NAME"),
    ({"target": "b"}, "could be meant by 'source'; got 'text, body'.*--column source=text"),
])  # fmt: skip
def test_unclear_columns(tmp_path: Path, columns: dict[str, str], message: str) -> None:
    path = lines(tmp_path / "a.jsonl", [{"text": "a", "body": "c", "b": "b"}])
    with pytest.raises((DataError, UsageError), match=message):
        load_source_targets(path, columns=columns)


def test_incomplete_rows_are_counted_by_what_they_lack(tmp_path: Path) -> None:
    rows = [{"source": "a", "target": "b"}, {"source": " ", "target": "b"}, {"source": "a"}, {"source": None}]
    dataset, source = load_source_targets(lines(tmp_path / "a.jsonl", rows))
    assert len(dataset) == 1
    assert source.left_out == {"no source": 2, "no target": 1}
    assert source.dropped == 3


# token tags

CONLL = """-DOCSTART- -X- O

# id 7 domain=news
EU NNP B-ORG
rejects VBZ O

Peter NNP I-PER
Blackburn NNP I-PER
"""


def test_conll_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text(CONLL)
    dataset, source = load_token_tags(path)
    assert dataset.tokens == (("EU", "rejects"), ("Peter", "Blackburn"))
    assert dataset.names == ("O", "B-ORG", "I-PER")
    assert dataset.tag_names()[1] == ("I-PER", "I-PER")
    assert len(source.notes) == 1
    assert source.notes[0].startswith("tags that break the BIO scheme: 1, first 'I-PER' at token 1 of ")
    assert "line 7" in source.notes[0]
    parts_of_speech, source = load_token_tags(path, columns={"tags": "2"})
    assert parts_of_speech.names == ("NNP", "VBZ")
    assert source.notes == ()


def test_conll_and_lists_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.bio").write_text("北 B-LOC\n京 I-LOC\n\n好 O\n")
    rows = [
        {"tokens": ["北", "京"], "pos_tags": ["n", "n"], "ner_tags": ["B-LOC", "I-LOC"]},
        {"tokens": ["好"], "ner_tags": ["O"]},
    ]
    table = lines(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.csv").write_text("words,labels\n北 京,B-LOC I-LOC\n好,O\n")
    prints = {load_token_tags(tmp_path / name)[1].fingerprint for name in ("a.bio", table.name, "a.csv")}
    assert len(prints) == 1


@pytest.mark.parametrize(("content", "message"), [
    ("a O\nb\n", r"line 2: wrong number of columns; got 1"), ("\n\n", "has no tokens"),
    ("a O\nb O\n", "have one tag; got 'O'"),
])  # fmt: skip
def test_broken_conll(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.conll").write_text(content)
    assert message in refused(load_token_tags, tmp_path / "a.conll")


def test_tags_and_tokens_must_pair(tmp_path: Path) -> None:
    rows = [{"tokens": ["a"], "tags": ["O"]}, {"tokens": ["a", "b"], "tags": ["O"]}]
    message = refused(load_token_tags, lines(tmp_path / "a.jsonl", rows))
    assert "line 2: a sentence has not as many tags as tokens; got '2 tokens, 1 tags'" in message
    message = refused(load_token_tags, lines(tmp_path / "b.jsonl", [{"tokens": [["a"]], "tags": ["O"]}]))
    assert "line 1: the column 'tokens' does not hold a list of texts" in message


def test_a_tag_that_the_model_does_not_know(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [{"tokens": ["a"], "tags": ["B-X"]}])
    with pytest.raises(DataError, match="does not know; got 'B-X'; allowed: O, B-Y"):
        load_token_tags(path, names=("O", "B-Y"))


# questions


def squad(path: Path, start: int = 4) -> Path:
    qas = [
        {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": start}] * 2},
        {"id": "2", "question": "Why?", "is_impossible": True, "answers": []},
    ]
    article = {"title": "T", "paragraphs": [{"context": "So, Ann left 北京.", "qas": qas}]}
    path.write_text(json.dumps({"version": "v2.0", "data": [article]}, indent=1))
    return path


def test_squad_is_read_with_and_without_answers(tmp_path: Path) -> None:
    dataset, source = load_questions(squad(tmp_path / "a.json"))
    assert dataset.ids == ("1", "2")
    assert dataset.answers == ((Answer("Ann", 4),), ())
    assert dataset.keys()[0] == dataset.keys()[1]
    assert source.rows == 2


@pytest.mark.parametrize(("answer", "mend"), [
    ({"text": "Ann", "answer_start": 5}, "It stands at 7; offsets count characters"),
    ({"text": "ann", "answer_start": 7}, "does not hold this text"),
    ({"text": "Ann", "answer_start": 11}, "counts bytes"),
])  # fmt: skip
def test_an_answer_elsewhere_than_it_says(tmp_path: Path, answer: dict[str, Any], mend: str) -> None:
    rows = [{"question": "谁?", "context": "昨天, so Ann left", "answers": [answer]}]
    message = refused(load_questions, lines(tmp_path / "a.jsonl", rows))
    assert "line 1: the answer does not stand at its offset" in message
    assert mend in message


@pytest.mark.parametrize(
    "answers", ["Ann", None, {"text": ["Ann"]}, [{"text": "Ann", "answer_start": "4"}], ["Ann"]]
)
def test_answers_of_another_form(tmp_path: Path, answers: Any) -> None:
    rows = [{"question": "Who?", "context": "So, Ann", "answers": answers}]
    assert "does not hold answers with their offsets" in refused(
        load_questions, lines(tmp_path / "a.jsonl", rows)
    )


@pytest.mark.parametrize(("content", "message"), [
    ('{"data": [{"paragraphs": [{"qas": []}]}]}', "article 1, paragraph 1: 'context' is missing"),
    ('{"data": [],\n"version": ', "line 2: broken JSON"),
    ('{"data": []}', "has no questions"),
])  # fmt: skip
def test_broken_squad(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.json").write_text(content)
    assert message in refused(load_questions, tmp_path / "a.json")


def test_two_questions_of_one_id(tmp_path: Path) -> None:
    row = {"id": 1, "question": "Who?", "context": "Ann", "answers": []}
    assert "line 2: an id stands twice; got '1'" in refused(
        load_questions, lines(tmp_path / "a.jsonl", [row, row])
    )


# embeddings


def test_forms_of_embedding_data(tmp_path: Path) -> None:
    pairs, _ = load_embedding_pairs(lines(tmp_path / "a.jsonl", [{"query": "a", "passage": "b"}]))
    assert (pairs.form, pairs.negatives, pairs.scores) == ("pairs", None, None)
    row = {"anchor": "a", "positive": "b", "negative_1": "c", "negative_2": "d"}
    triplets, source = load_embedding_pairs(lines(tmp_path / "b.jsonl", [row]))
    assert (triplets.form, triplets.negatives) == ("triplets", (("c", "d"),))
    assert source.columns["negative"] == "negative_1, negative_2"
    (tmp_path / "c.csv").write_text("sentence1,sentence2,score\na,b,0.5\nc,d,1\n")
    scored, _ = load_embedding_pairs(tmp_path / "c.csv")
    assert (scored.form, scored.scores) == ("scored", (0.5, 1.0))
    aside, _ = load_embedding_pairs(tmp_path / "c.csv", columns={"score": ""})
    assert aside.form == "pairs"


@pytest.mark.parametrize(("row", "message"), [
    ({"score": "high"}, "line 1: the column 'score' does not hold a number; got 'high'"),
    ({"score": float("inf")}, "a finite number"),
    ({"score": 1.0, "negative": "c"}, "negatives and scores"),
    ({"score": 1.0}, "all scores of"),
])  # fmt: skip
def test_embedding_data_that_cannot_be_used(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = lines(tmp_path / "a.jsonl", [{"anchor": "a", "positive": "b", **row}])
    assert message in refused(load_embedding_pairs, path)


# conversations


def test_ways_to_write_one_conversation(tmp_path: Path) -> None:
    said = (Message("system", "Be kind."), Message("user", "Add:\n\n1 1"), Message("assistant", "2"))
    messages = [{"role": m.role, "content": m.content} for m in said]
    shared = [
        {"from": name, "value": m.content} for name, m in zip(("system", "human", "gpt"), said, strict=True)
    ]
    parts = [*messages[:2], {"role": "assistant", "content": [{"type": "text", "text": "2"}]}]
    rows = [
        {"messages": messages}, {"conversations": shared}, {"messages": parts},
        {"instruction": "Add:", "input": "1 1", "output": "2", "system": "Be kind."},
    ]  # fmt: skip
    for row in rows:
        assert load_conversations(lines(tmp_path / "a.jsonl", [row]))[0].messages == (said,)


@pytest.mark.parametrize(("messages", "message"), [
    ([{"role": "user", "content": "a"}], "line 1: the assistant says nothing"),
    ([{"role": "boss", "content": "a"}], "message 1: unknown speaker; got 'boss'"),
    ([{"role": "assistant", "content": " "}], "message 1: a message without text"),
    ([{"role": "assistant", "content": [{"type": "image"}]}], "is not text"),
    ([{"role": "assistant", "content": None, "tool_calls": [1]}], "calls of tools are not supported"),
    ("hello", "a list of messages"),
])  # fmt: skip
def test_broken_conversations(tmp_path: Path, messages: Any, message: str) -> None:
    assert message in refused(load_conversations, lines(tmp_path / "a.jsonl", [{"messages": messages}]))


def test_odd_conversations_are_kept_and_counted(tmp_path: Path) -> None:
    talk = [{"role": role, "content": "a"} for role in ("user", "user", "assistant", "user")]
    _, source = load_conversations(lines(tmp_path / "a.jsonl", [{"messages": talk}]))
    assert source.notes == (
        "conversations that end without an answer of the assistant: 1",
        "conversations that have two messages of one speaker in a row, which some chat templates refuse: 1",
    )
