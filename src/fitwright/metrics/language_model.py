"""How well a language model foretells text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fitwright.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class LanguageModelScores:
    """``loss`` in nats per token; ``perplexity`` is its exponential.

    ``bits_per_character`` compares models of other vocabularies, which perplexity does not; ``None`` where
    the number of characters is not known.
    """

    loss: float
    perplexity: float
    bits_per_character: float | None


def language_model_scores(nats: float, tokens: int, *, characters: int | None = None) -> LanguageModelScores:
    """Perplexity exp(nats / tokens) and bits per character nats / (characters · ln 2).

    Args:
        nats: sum of -ln p over all predicted tokens, 0 or more.
        tokens: how many were predicted: those that the loss counts.
        characters: of the text that these tokens spell.

    Source: Jelinek et al. 1977. Known difference: a mean of the batches' means, as trainers often log, weighs
    tokens of short batches more; sums do not. Infinite where the exponential exceeds a float.
    """
    if tokens < 1 or (characters is not None and characters < 1):
        raise UsageError("perplexity needs at least one token", got=min(tokens, characters or tokens))
    if not nats >= 0:
        raise UsageError("the summed loss must be 0 or more", got=nats)
    loss = nats / tokens
    return LanguageModelScores(
        loss=loss, perplexity=math.exp(loss) if loss < 709 else math.inf,
        bits_per_character=None if characters is None else nats / (characters * math.log(2)),
    )  # fmt: skip
