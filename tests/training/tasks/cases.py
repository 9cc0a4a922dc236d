"""What the conformance suite runs: a case for each kind of training. Add yours to :data:`CASES`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GOOD = ("fine", "lovely", "clever", "moving", "bright", "warm")
BAD = ("dull", "tired", "clumsy", "bleak", "loud", "cold")
THINGS = ("film", "story", "cast", "ending", "plot that never quite ends", "scene")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A kind of training on data that it can learn in a few steps.

    Attributes:
        name: of the test.
        task: as ``--task`` has it.
        data: writes a data file into a folder; returns it.
        opens: loads the model directory as ``transformers`` alone would and uses it; raises where that fails.
        options, columns: as ``--option`` and ``--column`` have them.
        settings: of the loop, other than the suite's own.
        source: the fixture that gives the model to start from.
        model: as ``--model`` has it, in place of ``source``.
        packs: whether the model's rows can be packed for this task.
        slow: run by ``make test-all`` alone.
    """

    name: str
    task: str
    data: Callable[[Path], Path]
    opens: Callable[[Path], None]
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: str = "small_encoder"
    model: str = ""
    packs: bool = True
    slow: bool = False


def write_table(path: Path, header: tuple[str, ...], rows: list[tuple[object, ...]]) -> Path:
    """A CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def verdicts() -> list[tuple[str, str]]:
    """96 sentences of uneven length, each good or bad."""
    found = []
    for i in range(96):
        words, label = ((GOOD, "good"), (BAD, "bad"))[i % 2]
        thing, word = THINGS[i // 2 % 6], words[i // 12 % 6]
        found.append((f"the {thing} number {i} was {word} and {words[i % 5]}", label))
    return found


def labelled(folder: Path) -> Path:
    return write_table(folder / "labelled.csv", ("text", "label"), [*verdicts()])


def paired(folder: Path) -> Path:
    """Whether the second text says the same as the first."""
    rows = [
        (text, "it was lovely" if (i // 2 + (label == "good")) % 2 else "it was bleak",
         "same" if (i // 2) % 2 == 0 else "other")
        for i, (text, label) in enumerate(verdicts())
    ]  # fmt: skip
    return write_table(folder / "pairs.csv", ("premise", "claim", "label"), [*rows])


def many_labelled(folder: Path) -> Path:
    """A verdict, a thing, or neither."""
    rows = []
    for i, (text, label) in enumerate(verdicts()):
        names = [label] * (i % 3 > 0) + [name for name in ("film", "plot") if name in text]
        rows.append((text, "|".join(names)))
    return write_table(folder / "many.csv", ("text", "labels"), [*rows])


def scored(folder: Path) -> Path:
    """Prices: far from 0, and of a wide spread."""
    rows = [(text, 500 + 300 * (label == "good") + i % 7) for i, (text, label) in enumerate(verdicts())]
    return write_table(folder / "scored.csv", ("text", "score"), [*rows])


def entities(folder: Path) -> Path:
    """CoNLL: who met whom, some sentences longer than a window."""
    lines = []
    for i in range(96):
        first, second = ("ada", "li", "max")[i % 3], ("lima", "rome", "oslo")[i // 3 % 3]
        words = [(first, "B-PER"), *([("king", "I-PER")] if i % 2 else []), ("saw", "O"), ("the", "O")]
        words += [(THINGS[i % 4], "O"), ("number", "O"), (str(i), "O"), ("in", "O"), (second, "B-LOC")]
        lines += [f"{word} {tag}" for word, tag in words * (1 + (i % 7 == 0))] + [""]
    path = folder / "entities.conll"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


CHINESE = "我们爱看新电影他不喜欢旧故事"


def parts_of_speech(folder: Path) -> Path:
    """Chinese characters with tags that are no parts of entities."""
    kinds = {character: "rrvvannrdvvann"[place] for place, character in enumerate(CHINESE)}
    rows = []
    for i in range(96):
        sentence = [CHINESE[(i * 5 + k * (1 + i % 3)) % len(CHINESE)] for k in range(4 + i % 9)]
        rows.append({"tokens": sentence, "tags": [kinds[character] for character in sentence]})
    path = folder / "parts.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def squad(folder: Path) -> Path:
    """SQuAD 2.0: contexts of up to three windows, every fourth question without an answer."""
    articles = []
    for i, (text, _) in enumerate(verdicts()):
        context = f"{text} and " * (1 + i % 2) + f"then the {THINGS[i % 4]} was {GOOD[i % 6]}"
        start, none = len(context) - len(GOOD[i % 6]), i % 4 == 0
        answers = [] if none else [{"text": GOOD[i % 6], "answer_start": start}]
        asked = "how was the king" if none else f"how was the {THINGS[i % 4]} then"
        one = {"id": str(i), "question": asked, "answers": answers, "is_impossible": none}
        articles.append({"paragraphs": [{"context": context, "qas": [one]}]})
    path = folder / "squad.json"
    path.write_text(json.dumps({"version": "v2.0", "data": articles}), encoding="utf-8")
    return path


def classifies(folder: Path) -> None:
    from transformers import pipeline

    found = pipeline("text-classification", model=str(folder))("a fine film")[0]
    assert found["label"] in ("good", "bad")


def classifies_here(folder: Path) -> None:
    """What transformers does not know."""
    from fitwright.engines.classifier import TextClassifier

    classifier = TextClassifier.load(folder)
    shares_NC = classifier.predict(["the film was lovely and fine", "bleak"])
    assert classifier.labels == ("bad", "good")
    assert shares_NC[0, 1] > shares_NC[1, 1]


def judges_pairs(folder: Path) -> None:
    from transformers import pipeline

    pair = {"text": "the film was fine", "text_pair": "it was lovely"}
    assert pipeline("text-classification", model=str(folder))(pair)["label"] in ("same", "other")


def decides_each(folder: Path) -> None:
    """The pipeline takes each class by itself: shares that need not add up to 1."""
    from transformers import pipeline

    found = pipeline("text-classification", model=str(folder), top_k=None)("the film was fine")[0]
    assert {one["label"] for one in found} == {"good", "bad", "film", "plot"}
    assert abs(sum(one["score"] for one in found) - 1) > 0.1


def scores(folder: Path) -> None:
    """In the unit of the data."""
    from transformers import pipeline

    ask = pipeline("text-classification", model=str(folder), function_to_apply="none")
    good, bad = (ask(f"the film was {word}")[0]["score"] for word in ("lovely and fine", "bleak and dull"))
    assert 400 < bad < good < 900


def tags_people(folder: Path) -> None:
    from transformers import pipeline

    ask = pipeline("token-classification", model=str(folder), aggregation_strategy="first")
    assert {one["entity_group"] for one in ask("ada king saw the film in oslo")} <= {"PER", "LOC"}


def tags_characters(folder: Path) -> None:
    from transformers import pipeline

    found = pipeline("token-classification", model=str(folder))("我爱看电影")
    assert [one["word"] for one in found] == list("我爱看电影")
    assert {one["entity"] for one in found} <= set("rvand")


def answers(folder: Path) -> None:
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    model, report = AutoModelForQuestionAnswering.from_pretrained(folder, output_loading_info=True)
    inputs = AutoTokenizer.from_pretrained(folder)(
        "how was the film", "the film was fine", return_tensors="pt"
    )
    assert not report["missing_keys"]
    assert model(**inputs).start_logits.shape == inputs["input_ids"].shape


CASES: tuple[Case, ...] = (
    Case(name="text-classification", task="text-classification", data=labelled, opens=classifies),
    Case(
        name="class-weights-and-windows", task="text-classification", data=labelled, opens=classifies,
        options={"class_weights": "balanced", "stride": 2}, settings={"max_length": 12}, slow=True,
    ),
    Case(
        name="text-pairs", task="text-classification", data=paired, opens=judges_pairs,
        columns={"text": "premise", "pair": "claim"}, slow=True,
    ),
    Case(
        name="multi-label", task="text-classification", data=many_labelled, opens=decides_each,
        options={"multi_label": True}, slow=True,
    ),
    Case(name="text-regression", task="text-regression", data=scored, opens=scores),
    Case(
        name="lstm", task="text-classification", data=labelled, opens=classifies_here, packs=False,
        model="lstm:width=16,layers=2,vocabulary=200",
    ),
    Case(
        name="entities", task="token-classification", data=entities, opens=tags_people,
        options={"stride": 4}, settings={"max_length": 24},
    ),
    Case(
        name="parts-of-speech", task="token-classification", data=parts_of_speech, opens=tags_characters,
        slow=True,
    ),
    Case(
        name="question-answering", task="question-answering", data=squad, opens=answers,
        options={"stride": 8}, settings={"max_length": 40},
    ),
)  # fmt: skip
