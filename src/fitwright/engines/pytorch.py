"""The torch engine: a Hugging Face model directory, run as it is. Safetensors only, no remote code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fitwright.core.errors import RunError, UsageError
from fitwright.core.optional import require
from fitwright.modeling.own import register_own
from fitwright.modeling.quiet import quiet_transformers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "torch"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


class TorchEngine:
    """A transformers sequence classifier in eval mode."""

    name = NAME

    def __init__(self, model: Any, precision: str) -> None:
        self._model, self.precision = model, precision

    @classmethod
    def load(
        cls, directory: Path, *, precision: Literal["fp32", "bf16"] = "fp32", threads: int | None = None
    ) -> TorchEngine:
        """Load ``directory``'s weights.

        Args:
            directory: holds ``config.json`` and ``model.safetensors``.
            precision: of weights and arithmetic; logits come back as fp32 either way.
            threads: torch's thread count, which holds for the whole process; ``None`` leaves it.

        Raises:
            UsageError: no weights there, or a precision that is not known.
            RunError: the weights are broken or lack a part of the model.
        """
        torch, transformers = require("torch"), require("transformers")
        dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
        if precision not in dtypes:
            raise UsageError("unknown precision of the torch engine", got=precision, allowed="fp32, bf16")
        if not has_weights(directory):
            raise UsageError(
                f"no {WEIGHTS[0]} in {directory}", mend="Weights in other formats are not loaded."
            )
        if threads is not None:
            torch.set_num_threads(threads)
        register_own(directory)
        with quiet_transformers():
            try:
                model, report = transformers.AutoModelForSequenceClassification.from_pretrained(
                    directory, dtype=dtypes[precision], use_safetensors=True, local_files_only=True,
                    trust_remote_code=False, output_loading_info=True,
                )  # fmt: skip
            except Exception as error:  # the readers raise many kinds; each means that the files are bad
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise RunError(
                    f"cannot load the model in {directory}: {line}", mend="Make the directory again."
                ) from error
        if report["missing_keys"]:
            missing = ", ".join(sorted(report["missing_keys"])[:3])
            raise RunError(f"the weights in {directory} lack parts of the model: {missing}")
        return cls(model.eval(), precision)

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, T) ids and mask → (B, C) fp32 scores before softmax."""
        import torch

        with torch.inference_mode():
            scores_BC = self._model(
                input_ids=torch.from_numpy(input_ids), attention_mask=torch.from_numpy(attention_mask)
            ).logits
        plain_BC: NDArray[np.float32] = scores_BC.float().numpy()
        return plain_BC


def has_weights(directory: Path) -> bool:
    """Whether ``directory`` holds safetensors weights under the standard name."""
    return any((directory / name).is_file() for name in WEIGHTS)
