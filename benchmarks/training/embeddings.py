"""Contrastive training of the reference encoder: our loop beside sentence-transformers (see `sides.py`).

Pairs are the first sentence of a long review and what follows, cut at 128 tokens; the loss is InfoNCE over
the batch's positives at a temperature of 0.05 (there `MultipleNegativesRankingLoss` with a scale of 20),
embeddings are means of tokens. The peer is at its defaults but for the optimiser, which is the same.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

from film_reviews import ENCODER, read_labelled
from sides import Case, Ends, StepClock, add_options, compare
from torch import nn

from fitwright.data.kinds.embedding_pairs import EmbeddingPairs
from fitwright.modeling.embedder import load_embedder
from fitwright.training.tasks.sentence_similarity import SentenceSimilarity

LONGEST, LEARNING_RATE = 128, 5e-5


def read_pairs(count: int) -> list[tuple[str, str]]:
    """First sentences of at least five words, each once, and the rest of the review."""
    found: dict[str, str] = {}
    for text, _ in read_labelled(source="imdb"):
        first, _, rest = text.partition(". ")
        if len(first.split()) >= 5 and len(rest.split()) >= 20:
            found.setdefault(first, rest)
    pairs = sorted(found.items())
    random.Random(0).shuffle(pairs)  # noqa: S311
    return pairs[:count]


def encode(pairs: list[tuple[str, str]], folder: Path) -> Any:
    """Our rows."""
    rows = EmbeddingPairs(anchors=tuple(a for a, _ in pairs), positives=tuple(p for _, p in pairs))
    return SentenceSimilarity().encode(rows, ENCODER, folder, LONGEST)


class Counted:
    """A collator that writes down how many tokens each batch had."""

    def __init__(self, collate: Any, tokens: list[int]) -> None:
        self.collate, self.tokens = collate, tokens

    def __getattr__(self, name: str) -> Any:
        return getattr(self.collate, name)

    def __call__(self, items: list[Any]) -> Any:
        batch = self.collate(items)
        masks = [value for name, value in batch.items() if name.endswith("attention_mask")]
        self.tokens.append(sum(int(mask.sum()) for mask in masks))
        return batch


def train_with_sentence_transformers(
    case: Case, model: Any, seed: int, folder: Path, precision: str, _: str
) -> tuple[list[float], list[int]]:
    """`SentenceTransformerTrainer`; its weights end up in ``model``, to be judged as ours are."""
    import datasets
    import transformers
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer import losses, modules

    clock, tokens = StepClock(), list[int]()

    body = modules.Transformer(str(ENCODER), max_seq_length=LONGEST)
    peer = SentenceTransformer(modules=[body, modules.Pooling(model.config.hidden_size, "mean")])
    data = datasets.Dataset.from_list(list(case.items))
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=case.settings["batch_size"], num_train_epochs=1,
        learning_rate=case.settings["learning_rate"], weight_decay=0.01, warmup_steps=0.1, seed=seed,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True,
        bf16=precision == "bf16", optim="adamw_torch_fused", max_grad_norm=1.0,
    )  # fmt: skip
    trainer = SentenceTransformerTrainer(
        model=peer, args=arguments, train_dataset=data, callbacks=[Ends(clock)],
        loss=losses.MultipleNegativesRankingLoss(peer, scale=20.0),
    )  # fmt: skip
    trainer.data_collator = Counted(trainer.data_collator, tokens)
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()
    model.load_state_dict(body.auto_model.state_dict(), strict=False)
    return clock.seconds, tokens


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=640)
    parser.add_argument("--test-pairs", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    add_options(parser, ("fitwright", "sentence-transformers"))
    given = parser.parse_args()
    pairs = read_pairs(given.pairs + given.test_pairs)
    test, train = pairs[: given.test_pairs], pairs[given.test_pairs :]

    def start() -> nn.Module:
        return load_embedder(ENCODER, "mean")

    compare(Case(
        task=SentenceSimilarity(), make=start, train=encode(train, ENCODER), test=encode(test, ENCODER),
        items=[{"anchor": a, "positive": p} for a, p in train], collator=lambda _: list,
        peer=train_with_sentence_transformers, longest=LONGEST, measure="accuracy",
        settings={"batch_size": given.batch, "learning_rate": LEARNING_RATE},
    ), given)  # fmt: skip


if __name__ == "__main__":
    main()
