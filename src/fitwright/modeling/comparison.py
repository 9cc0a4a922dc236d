"""Are the weights of two model directories the same, to the bit?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.optional import require


@dataclass(frozen=True, kw_only=True)
class WeightComparison:
    """What two sets of weights have in common.

    Attributes:
        tensors: names in either.
        different: names of tensors in which a bit, the type or the shape differs, or that one side lacks.
        largest: largest difference of a number; ``None`` where nothing differs or shapes do.
    """

    tensors: int
    different: tuple[str, ...]
    largest: float | None = None


def compare_weights(left: Path, right: Path) -> WeightComparison:
    """Compare the safetensors of two model directories."""
    torch = require("torch")
    one, other = _weights(left), _weights(right)
    names = sorted(one.keys() | other.keys())
    both = [name for name in names if name in one and name in other]

    def same(name: str) -> bool:
        a, b = one[name], other[name]
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        bits = [x.contiguous().view(-1).view(torch.uint8) for x in (a, b)]
        return bool(torch.equal(*bits))

    equal = {name for name in both if same(name)}
    different = tuple(name for name in names if name not in equal)
    comparable = different and all(
        name in both and one[name].shape == other[name].shape for name in different
    )
    largest = (
        max(float((one[n].double() - other[n].double()).abs().max()) for n in different)
        if comparable
        else None
    )
    return WeightComparison(tensors=len(names), different=different, largest=largest)


def _weights(folder: Path) -> dict[str, Any]:
    load = require("safetensors.torch").load_file
    return {k: v for path in sorted(folder.glob("model*.safetensors")) for k, v in load(path).items()}
