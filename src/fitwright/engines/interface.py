"""What every engine does: token ids in, logits out. Shapes: B rows, T tokens, C classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Engine(Protocol):
    """A loaded sequence classifier.

    The answer for a row does not depend on the other rows of its batch or on how far it is padded, up to
    rounding (1e-4 on fp32 logits); the conformance suite in ``tests/engines`` holds every engine to it.
    Dynamic int8 breaks this on purpose: its activation scales are taken over the whole batch.
    ``logits`` may be called from any thread, one call at a time.

    Attributes:
        name: ``torch`` or ``onnxruntime``.
        precision: ``fp32``, ``bf16``, ``int8``; ``unknown`` where no manifest tells.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Scores before softmax.

        Args:
            input_ids: (B, T) token ids, padded with the tokenizer's padding id.
            attention_mask: (B, T), 1 for a token and 0 for padding.

        Returns:
            (B, C) fp32, classes in the order of the model's labels.
        """
        ...
