"""The life of a served model: loading, ready, stopping; or failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fitwright import __version__
from fitwright.core.errors import FitwrightError
from fitwright.engines.artefact import Artefact
from fitwright.engines.classifier import TextClassifier
from fitwright.engines.loading import check_engine
from fitwright.serving.batcher import Batcher, RunBatch, TokenBudgetBatcher
from fitwright.serving.errors import NotReadyError
from fitwright.serving.settings import ServeSettings

log = logging.getLogger(__name__)

MakeBatcher = Callable[[RunBatch, ServeSettings], Batcher]


def token_budget_batcher(run: RunBatch, settings: ServeSettings) -> Batcher:
    """The batcher that a service has unless it is given another."""
    return TokenBudgetBatcher(
        run, max_batch_tokens=settings.max_batch_tokens, max_queue_rows=settings.max_queue_rows
    )


class Service:
    """One bundle behind one batcher.

    Attributes:
        name: the bundle directory's name, under ``/models/``.
        state: ``loading`` until a first answer was computed, then ``ready``; ``stopping`` at the end;
            ``failed`` when the bundle could not be loaded, with ``error``.
    """

    def __init__(
        self, bundle: Path, settings: ServeSettings, make_batcher: MakeBatcher = token_budget_batcher
    ) -> None:
        artefact = Artefact.open(Path(bundle))
        check_engine(artefact, settings.engine)
        self.name, self.settings = artefact.model_name, settings
        self.state: Literal["loading", "ready", "stopping", "failed"] = "loading"
        self.error: Exception | None = None
        self._directory, self._make_batcher = artefact.directory, make_batcher
        self._classifier: TextClassifier | None = None
        self._batcher: Batcher | None = None

    async def load(self) -> None:
        """Load the engine, answer two warm-up rows (one as long as rows can be), then take requests."""
        try:
            classifier = await asyncio.to_thread(self._load_warm)
        except Exception as error:
            self.state, self.error = "failed", error
            if not isinstance(error, FitwrightError):
                log.exception("loading %s failed", self._directory)
            return
        batcher = self._make_batcher(classifier.logits, self.settings)
        await batcher.start()
        self._classifier, self._batcher = classifier, batcher
        if self.state == "loading":
            self.state = "ready"

    def _load_warm(self) -> TextClassifier:
        classifier = TextClassifier.load(
            self._directory, engine=self.settings.engine, threads=self.settings.threads
        )
        classifier.predict(["warm up", "warm " * classifier.tokenizer.max_length], batch_size=1)
        return classifier

    async def logits(self, texts: tuple[str, ...]) -> tuple[NDArray[np.float32], list[int]]:
        """Answer ``texts``: (N, C) logits, and the positions of the texts that were cut.

        Raises:
            NotReadyError: loading, stopping or failed; and the batcher's errors.
        """
        if self.state != "ready" or self._classifier is None or self._batcher is None:
            raise NotReadyError(f"the model is not ready: {self.state}")
        token_ids, cut = await asyncio.to_thread(_tokenise, self._classifier, texts)
        return await self._batcher.logits(token_ids), cut

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; empty until the model is loaded."""
        return () if self._classifier is None else self._classifier.labels

    @property
    def waiting_rows(self) -> int:
        """Rows in the queue."""
        return 0 if self._batcher is None else self._batcher.waiting_rows

    def stop(self) -> None:
        """Say so on ``/health`` and take no new request; :meth:`close` does the rest."""
        if self.state != "failed":
            self.state = "stopping"

    async def close(self) -> None:
        """Answer what is queued, then let the engine go."""
        self.stop()
        if self._batcher is not None:
            await self._batcher.close()

    def health(self) -> dict[str, Any]:
        """The body of ``/health``: status and model, and once it is loaded what runs it."""
        known: dict[str, Any] = {"status": self.state, "model": self.name, "version": __version__}
        if self._classifier is not None:
            engine = self._classifier.engine
            known |= {"engine": engine.name, "precision": engine.precision, "labels": list(self.labels)}
            known["max_length_tokens"] = self._classifier.tokenizer.max_length
        return known


def _tokenise(classifier: TextClassifier, texts: tuple[str, ...]) -> tuple[list[list[int]], list[int]]:
    tokenizer = classifier.tokenizer
    token_ids = tokenizer.encode(texts)
    full = [i for i, ids in enumerate(token_ids) if len(ids) >= tokenizer.max_length]
    whole = tokenizer.lengths([texts[i] for i in full]) if full else []
    cut = [i for i, length in zip(full, whole, strict=True) if length > tokenizer.max_length]
    return token_ids, cut
