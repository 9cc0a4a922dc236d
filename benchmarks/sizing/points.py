"""The points of the memory benchmark: which model does what, at which batch and sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fitwright.catalog import store
from fitwright.spec.workload import Workload


class Measured(NamedTuple):
    """One point: a catalogue model and its work. ``repeats``: fresh processes that measure it."""

    id: str
    workload: Workload
    repeats: int = 1

    @property
    def kind(self) -> str:
        """The catalogue's kind of model: encoder, decoder…"""
        return store.load(self.id).kind

    @property
    def key(self) -> str:
        """A name that no other point has."""
        work = self.workload
        parts = [self.id, work.mode, f"{work.batch}x{work.seq}", work.precision, work.attention]
        parts += [f"accumulation {work.accumulation}"] * (work.accumulation > 1)
        parts += ["checkpointing"] * work.checkpointing + [work.optimiser] * (work.optimiser != "adamw")
        return " ".join(parts)


INFER = """
google-bert/bert-large-uncased                   2x128 bf16
google-bert/bert-base-uncased                    16x256 eager
google-bert/bert-large-uncased                   4x128
FacebookAI/roberta-base                          8x256
distilbert/distilbert-base-uncased               24x128 repeats
google/electra-small-discriminator               96x256 repeats
microsoft/deberta-v3-small                       24x128
microsoft/deberta-v3-base                        8x128
answerdotai/ModernBERT-base                      16x128
openai-community/gpt2                            8x256
openai-community/gpt2                            4x512 eager repeats
openai-community/gpt2-medium                     2x128
facebook/opt-125m                                12x128
HuggingFaceTB/SmolLM2-360M                       2x64 bf16
HuggingFaceTB/SmolLM2-360M                       1x64
Qwen/Qwen2.5-0.5B                                1x128 bf16 repeats
Qwen/Qwen2.5-0.5B                                1x128
EleutherAI/pythia-160m                           8x128
google/gemma-3-270m                              2x128
google-t5/t5-base                                4x128
google-t5/t5-small                               24x128
facebook/bart-base                               8x128
Helsinki-NLP/opus-mt-en-de                       16x64
openai/whisper-base                              6x64 repeats
google/vit-base-patch16-224                      24x1
google/vit-large-patch16-224                     1x1 bf16
microsoft/swin-small-patch4-window7-224          24x1
openai/clip-vit-base-patch32                     64x32
google/siglip-base-patch16-224                   8x64
Salesforce/blip-image-captioning-base            2x32
microsoft/resnet-101                             32x1 repeats
facebook/convnext-tiny-224                       48x1
google/efficientnet-b0                           48x1
"""

TRAIN = """
google-bert/bert-base-uncased                    4x128 repeats
google-bert/bert-base-uncased                    8x128 eager
google-bert/bert-base-uncased                    8x128 checkpointing
google-bert/bert-base-uncased                    8x128 accumulation=4
google-bert/bert-base-uncased                    2x128 bf16
FacebookAI/roberta-base                          4x128
distilbert/distilbert-base-uncased               8x128
distilbert/distilbert-base-uncased               4x128 bf16
nreimers/MiniLM-L6-H384-uncased                  32x128
google/electra-small-discriminator               16x128
albert/albert-base-v2                            8x128
microsoft/deberta-v3-small                       4x128
sentence-transformers/all-mpnet-base-v2          4x128
openai-community/gpt2                            4x128
openai-community/gpt2                            8x128 checkpointing
openai-community/gpt2                            2x256 sgd
facebook/opt-125m                                4x128 eager
HuggingFaceTB/SmolLM2-135M                       2x128
EleutherAI/pythia-160m                           2x128
google-t5/t5-small                               8x128 repeats
google-t5/t5-small                               4x64 bf16
facebook/bart-base                               4x64
Helsinki-NLP/opus-mt-en-de                       8x64
openai/whisper-tiny                              2x64
google/vit-base-patch16-224                      4x1
facebook/deit-small-patch16-224                  12x1
facebook/dinov2-base                             1x1
microsoft/swin-small-patch4-window7-224          4x1
openai/clip-vit-base-patch32                     16x32
microsoft/resnet-18                              16x1
microsoft/resnet-101                             8x1 repeats
facebook/convnext-tiny-224                       8x1
google/mobilenet_v2_1.0_224                      16x1
google/efficientnet-b0                           8x1
"""


def points() -> list[Measured]:
    """All of them, inference first."""
    return [*_read(INFER, "infer"), *_read(TRAIN, "train")]


def _read(table: str, mode: str) -> Iterator[Measured]:
    for line in table.split("\n"):
        if line.strip():
            model_id, size, *words = line.split()
            batch, _, seq = size.partition("x")
            settings: dict[str, Any] = {"mode": mode, "batch": int(batch), "seq": int(seq)}
            for word in words:
                settings |= _setting(word)
            repeats = settings.pop("repeats", 1)
            yield Measured(model_id, Workload(**settings), repeats)


def _setting(word: str) -> dict[str, Any]:
    if word == "repeats":
        return {"repeats": 3}
    if word in ("eager", "bf16", "sgd"):
        return {{"eager": "attention", "bf16": "precision", "sgd": "optimiser"}[word]: word}
    name, _, number = word.partition("=")
    return {name: int(number) if number else True}
