"""Import what an extra brings, or say which extra is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from fitwright.core.errors import MissingExtraError

_EXTRA_OF = {
    "torch": "train",
    "transformers": "train",
    "accelerate": "train",
    "tensorboard": "train",
    "pyarrow": "train",
    "pandas": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tokenizers": "serve",
    "onnxruntime": "serve",
    "numpy": "serve",
    "fastapi": "serve",
    "uvicorn": "serve",
    "PIL": "train",
    "openvino": "openvino",
    "ray": "ray",
}


def require(module: str) -> ModuleType:
    """Import ``module`` (dotted names allowed) or raise :class:`MissingExtraError` naming the extra."""
    top = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != top:
            raise
        raise MissingExtraError(top, _EXTRA_OF.get(top, "train")) from None
