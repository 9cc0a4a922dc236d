"""What a safetensors file says about its tensors, read from its header alone.

Format: eight bytes with the header's length (little-endian), then JSON that maps each tensor's name to dtype,
shape and offsets. Source: the safetensors format description, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import DataError
from fitwright.core.files import read_json

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000
_FLOATING = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One stored tensor. ``count``: its elements."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    count: int

    @property
    def is_parameter(self) -> bool:
        """False for buffers: position tables of whole numbers, masks, batch-norm statistics."""
        return self.dtype in _FLOATING and not self.name.endswith(_STATISTICS)


def read_tensors(directory: Path) -> tuple[Tensor, ...]:
    """Tensors of ``model.safetensors`` or of the shards that ``model.safetensors.index.json`` names.

    Raises:
        DataError: there is no such file, or a header cannot be read.
    """
    whole, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if whole.is_file():
        return _header(whole)
    if not index.is_file():
        raise DataError(
            "the model directory has no safetensors weights", got=str(directory),
            allowed="model.safetensors or model.safetensors.index.json",
            mend="Save the model with save_pretrained(); pickled weights are never opened.",
        )  # fmt: skip
    shards = sorted(set(dict(read_json(index, what="safetensors index").get("weight_map", {})).values()))
    return tuple(tensor for shard in shards for tensor in _header(directory / str(shard)))


def _header(path: Path) -> tuple[Tensor, ...]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(_LENGTH_BYTES))
            if length > min(_MAX_HEADER_BYTES, path.stat().st_size):
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(length))
            return tuple(_tensor(name, entry) for name, entry in header.items() if name != "__metadata__")
    except FileNotFoundError:
        raise DataError("a shard of the model is missing", got=str(path)) from None
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the safetensors header cannot be read ({error})", got=str(path)) from None


def _tensor(name: str, entry: dict[str, Any]) -> Tensor:
    shape = tuple(int(size) for size in entry["shape"])
    return Tensor(name=name, dtype=str(entry["dtype"]), shape=shape, count=math.prod(shape))
