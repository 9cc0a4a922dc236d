"""The conformance suite's cases of embeddings, images and models that write; see ``cases.py``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.training.tasks.cases import BAD, GOOD, THINGS, Case, verdicts, write_table


def pairs(folder: Path) -> Path:
    """Sentences that say the same in two ways."""
    said = [(THINGS[i % 6], i, GOOD[i % 5]) for i in range(96)]
    rows = [
        (f"the {thing} number {i} was {how}", f"{how} is what the {thing} {i} is") for thing, i, how in said
    ]
    return write_table(folder / "pairs.csv", ("anchor", "positive"), [*rows])


def alike(folder: Path) -> Path:
    """Pairs of sentences with a score: 5 where both are good or both bad, else 0."""
    texts = verdicts()
    others = [texts[(i * 5 + i // 2) % 96] for i in range(96)]
    rows = [(one[0], other[0], 5 * (one[1] == other[1])) for one, other in zip(texts, others, strict=True)]
    return write_table(folder / "alike.csv", ("sentence1", "sentence2", "score"), [*rows])


def embeds(folder: Path) -> None:
    """The folder says how its tokens become a vector, in the files of sentence-transformers."""
    from transformers import AutoModel

    model, report = AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert [one["type"].rpartition(".")[2] for one in json.loads((folder / "modules.json").read_text())] == [
        "Transformer", "Pooling", "Normalize"
    ]  # fmt: skip
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    assert pooling["word_embedding_dimension"] == model.config.hidden_size
    assert pooling["pooling_mode_mean_tokens"]


def embeds_scored(folder: Path) -> None:
    """The card tells what chose the epoch, which is no share."""
    embeds(folder)
    told = next(line for line in (folder / "README.md").read_text().splitlines() if "spearman" in line)
    assert "%" not in told


def paint(path: Path, colour: int, seed: int) -> Path:
    """A noisy picture of 20 by 24 pixels in which one of red, green and blue prevails."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 120, (24, 20, 3))
    pixels[..., colour] += 100
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def painted(folder: Path) -> Path:
    for i in range(80):
        paint(folder / "images" / ("red", "blue")[i % 2] / f"{i}.png", (0, 2)[i % 2], i)
    return folder / "images"


def captioned(folder: Path) -> Path:
    """Each picture with a caption of its own; they have the colour in common."""
    names = ("dull", "fine", "bright")
    rows = [
        (paint(folder / f"{i}.png", i % 3, i).name, f"the {THINGS[i // 3 % 6]} number {i} was {names[i % 3]}")
        for i in range(80)
    ]  # fmt: skip
    return write_table(folder / "captions.csv", ("image", "caption"), [*rows])


def sees(folder: Path) -> None:
    from transformers import pipeline

    picture = paint(folder / "new.png", 0, 1000)
    assert pipeline("image-classification", model=str(folder))(str(picture))[0]["label"] in ("red", "blue")


def matches(folder: Path) -> None:
    from transformers import pipeline

    picture = str(paint(folder / "new.png", 0, 1000))
    ask = pipeline("zero-shot-image-classification", model=str(folder))
    assert len(ask(picture, candidate_labels=["the film was fine", "the film was dull"])) == 2


def backwards(folder: Path) -> Path:
    """Three to six words, and the same words from the last to the first."""
    words = (*GOOD, *BAD, "film", "story", "cast", "ending")
    texts = [[words[(i * (j + 1) + j * j) % 16] for j in range(3 + i % 4)] for i in range(96)]
    return write_table(
        folder / "words.csv", ("source", "target"), [(f"{i} " + " ".join(t), " ".join(t[::-1]))
                                                     for i, t in enumerate(texts)]
    )  # fmt: skip


def writes(folder: Path) -> None:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model, report = AutoModelForSeq2SeqLM.from_pretrained(folder, output_loading_info=True)
    inputs = AutoTokenizer.from_pretrained(folder)("1 fine film", return_tensors="pt")
    assert not report["missing_keys"]
    assert model.generate(inputs.input_ids, max_new_tokens=4).shape[1] >= 2


def conversations(folder: Path) -> Path:
    """Somebody asks how a film was, some go on to ask; the assistant says it."""
    path = folder / "chats.jsonl"
    lines = []
    for place, (text, label) in enumerate(verdicts()):
        thing = text.split(" was ")[0]
        messages = [("user", f"how was {thing}"), ("assistant", text), ("user", "so"), ("assistant", label)]
        lines.append(
            json.dumps({"messages": [{"role": r, "content": c} for r, c in messages[: 2 + place % 3]]})
        )
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def talks(folder: Path) -> None:
    from transformers import pipeline

    ask = pipeline("text-generation", model=str(folder))
    found = ask([{"role": "user", "content": "how was the film"}], max_new_tokens=3)
    assert found[0]["generated_text"][-1]["role"] == "assistant"


MORE_CASES: tuple[Case, ...] = (
    Case(name="text-ranking", task="sentence-similarity", data=pairs, opens=embeds),
    Case(name="scored-pairs", task="sentence-similarity", data=alike, opens=embeds_scored),
    Case(
        name="image-classification", task="image-classification", data=painted, opens=sees,
        source="small_vision", packs=False,
    ),
    Case(
        name="image-text", task="image-text", data=captioned, opens=matches, source="small_clip", packs=False,
    ),
    Case(
        name="sequence-to-sequence", task="sequence-to-sequence", data=backwards, opens=writes,
        source="small_t5", options={"written": 4},
    ),
    Case(
        name="chat", task="chat", data=conversations, opens=talks, source="small_writer",
        settings={"max_length": 64},
    ),
)  # fmt: skip
