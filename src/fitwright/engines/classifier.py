"""Texts in, class probabilities out, on any engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitwright.core.errors import RunError
from fitwright.core.progress import Progress, Silent
from fitwright.data.batching import length_sorted, pad
from fitwright.data.tokens import TextTokenizer
from fitwright.engines.artefact import Artefact
from fitwright.engines.interface import Engine
from fitwright.engines.loading import engine_of


@dataclass(frozen=True, kw_only=True)
class TextClassifier:
    """A tokenizer, an engine and the names of the classes.

    Attributes:
        labels: class names in the order of the probabilities.
        engine: what computes.
        tokenizer: cuts a text at its ``max_length`` tokens.
        name: the model directory's own name.
    """

    labels: tuple[str, ...]
    engine: Engine
    tokenizer: TextTokenizer
    name: str = "model"

    @classmethod
    def load(
        cls, directory: Path, *, engine: str | None = None, threads: int | None = None
    ) -> TextClassifier:
        """Load a model directory or a bundle; arguments and errors as for ``engines.loading.load_engine``."""
        artefact = Artefact.open(Path(directory))
        loaded = engine_of(artefact, engine, threads=threads)
        tokenizer = TextTokenizer.load(artefact.directory, artefact.max_length_tokens())
        return cls(labels=artefact.labels(), engine=loaded, tokenizer=tokenizer, name=artefact.model_name)

    def predict(
        self, texts: Sequence[str], batch_size: int = 32, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Class probabilities of ``texts``.

        Args:
            texts: any number of rows; batches are made of rows of like length.
            batch_size: rows that the engine sees at once.
            progress: where to report to, in rows.

        Returns:
            (rows, classes) fp32 in the order of ``texts``; each row sums to 1.
        """
        token_ids = self.tokenizer.encode(list(texts))
        probabilities_NC = np.zeros((len(token_ids), len(self.labels)), dtype=np.float32)
        with (progress or Silent()).task("predict", len(token_ids), "rows") as task:
            for rows in length_sorted([len(ids) for ids in token_ids], batch_size):
                probabilities_NC[rows] = softmax(self.logits([token_ids[row] for row in rows]))
                task.advance(len(rows))
        return probabilities_NC

    def logits(self, token_ids: list[list[int]]) -> NDArray[np.float32]:
        """One padded batch through the engine: B rows of token ids → (B, C) scores before softmax.

        Raises:
            RunError: the engine's number of classes is not that of the labels.
        """
        input_ids_BT, attention_mask_BT = pad(token_ids, self.tokenizer.pad_id)
        scores_BC = self.engine.logits(input_ids_BT, attention_mask_BT)
        if scores_BC.shape != (len(token_ids), len(self.labels)):
            raise RunError(
                f"the {self.engine.name} engine does not fit its labels",
                got=scores_BC.shape,
                allowed=f"{len(token_ids)} rows of {len(self.labels)} classes",
                mend="Make the bundle again.",
            )
        return scores_BC


def softmax(logits_BC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Row-wise softmax, shifted by the largest score so that it cannot overflow. (B, C) → (B, C)."""
    shifted_BC = np.exp(logits_BC - logits_BC.max(axis=1, keepdims=True))
    return np.asarray(shifted_BC / shifted_BC.sum(axis=1, keepdims=True), dtype=np.float32)
