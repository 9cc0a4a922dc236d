"""The ONNX Runtime engine: ``engines/onnxruntime/model.onnx`` on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import RunError, UsageError
from fitwright.core.optional import require
from fitwright.core.provenance import usable_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "onnxruntime"
STANDARD_PATH = "engines/onnxruntime/model.onnx"
_KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_INTEGERS = {"tensor(int64)": "int64", "tensor(int32)": "int32"}


class OnnxRuntimeEngine:
    """An ONNX graph in an inference session."""

    name = NAME

    def __init__(self, session: Any, precision: str) -> None:
        self._session, self.precision = session, precision
        self._types = {given.name: _INTEGERS.get(given.type) for given in session.get_inputs()}
        outputs = [made.name for made in session.get_outputs()]
        self._output = "logits" if "logits" in outputs else outputs[0]

    @classmethod
    def load(cls, path: Path, *, precision: str = "unknown", threads: int | None = None) -> OnnxRuntimeEngine:
        """Open the graph at ``path``.

        Args:
            path: the ``.onnx`` file; its inputs are among ``input_ids``, ``attention_mask``,
                ``token_type_ids`` (fed with zeros).
            precision: what the manifest says about the file.
            threads: of one run; ``None`` means every core that this process may use.

        Raises:
            UsageError: no such file.
            RunError: the file is broken, or has other inputs or none for the mask.
        """
        ort = require("onnxruntime")
        if not path.is_file():
            raise UsageError(
                "engine file not found", got=str(path), mend="Run: fitwright export MODEL --output BUNDLE"
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: a library does not print
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own kinds, all of them for a bad file
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RunError(
                f"ONNX Runtime cannot open {path}: {line}", mend="Run: fitwright export MODEL --output BUNDLE"
            ) from error
        engine = cls(session, precision)
        engine._check_inputs(path)
        return engine

    def _check_inputs(self, path: Path) -> None:
        strange = [n for n, kind in self._types.items() if n not in _KNOWN_INPUTS or kind is None]
        if strange:
            raise RunError(f"{path} has inputs that a text classifier does not feed", got=strange)
        missing = [name for name in _KNOWN_INPUTS[:2] if name not in self._types]
        if missing:
            raise RunError(
                f"{path} lacks the input {missing[0]!r}, so that its answers depend on padding",
                mend="Run: fitwright export MODEL --output BUNDLE",
            )

    def logits(self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, T) ids and mask → (B, C) fp32 scores before softmax."""
        import numpy as np

        given = {"input_ids": input_ids, "attention_mask": attention_mask}
        if "token_type_ids" in self._types:
            given["token_type_ids"] = np.zeros_like(input_ids)
        feed = {name: given[name].astype(kind, copy=False) for name, kind in self._types.items()}
        (scores_BC,) = self._session.run([self._output], feed)
        return np.asarray(scores_BC, dtype=np.float32)
