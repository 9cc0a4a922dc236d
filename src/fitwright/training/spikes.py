"""Loss spikes: a step whose loss is far above everything lately, and above where training began."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

WINDOW = 32
"""Steps that count as the beginning, and as lately."""

ABOVE_LATELY, ABOVE_START = 4.0, 2.0


class SpikeWatch:
    """Looks at every step's loss. ``state`` is all it knows, as plain numbers for a checkpoint.

    A spike is a loss above 4 times the largest of the last 32 and above twice the mean of the first 32: late
    in training a single hard batch is often far above the rest, and harmless while it is below the start. The
    mean of few rows scatters more, with the square root of their number: a small step must be further off.
    """

    def __init__(self, state: Sequence[Sequence[float]] = ((), ())) -> None:
        self.first, self.last = list(state[0]), list(state[1])

    @property
    def state(self) -> list[list[float]]:
        """The losses that it remembers."""
        return [self.first, self.last]

    def is_spike(self, loss: float, size: float = 1.0) -> bool:
        """Whether that loss is one; if not, it is remembered.

        Args:
            loss: of the step.
            size: the step's rows over those of a usual step.
        """
        loss *= math.sqrt(min(1.0, size))
        if len(self.last) == WINDOW:
            beyond = ABOVE_LATELY * max(self.last), ABOVE_START * statistics.fmean(self.first)
            if loss > max(beyond):
                return True
        if len(self.first) < WINDOW:
            self.first.append(loss)
        self.last = [*self.last, loss][-WINDOW:]
        return False
