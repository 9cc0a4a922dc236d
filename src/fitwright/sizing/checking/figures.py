"""What the catalogue knows of a model, as the figures that a table may state, and when a cell agrees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fitwright.sizing.checking.headings import COUNTS
from fitwright.sizing.checking.stated import Stated
from fitwright.spec.model import ModelSpec

TOLERANCE, TOLERANCE_ABOUT = 0.02, 0.05
"""A parameter count may be this far off; the second where the table marks it as approximate."""

_PART = ("EncoderModel", "TextModel", "VisionModel")
"""Endings of classes that hold a part of a model of several stacks or towers, never the whole."""

_SAME = 0.02
_K, _BINARY_K = 1000, 1024


@dataclass(frozen=True)
class Figure:
    """A right value, and what it is: a class name with the way it counts, or the name of a size."""

    value: int
    what: str


def figures(spec: ModelSpec, field: str) -> tuple[Figure, ...]:
    """Every right value of a field, the standard one first; empty where the catalogue does not know it.

    Parameter counts: one for each standard class of the model (architecture, backbone, the others that were
    built), each shared tensor counted once. An encoder or a tower alone counts only where it is asked for.
    Layers of an encoder-decoder count per stack.
    """
    if field in COUNTS:
        found = _counts(spec, field)
    else:
        found = [Figure(value, field.replace("_", " ")) for value in _sizes(spec, field) if value > 0]
    unique: dict[int, Figure] = {}
    for figure in found:
        unique.setdefault(figure.value, figure)
    return tuple(unique.values())


def has_no_limit(spec: ModelSpec) -> bool:
    """True where a length is customary but nothing enforces it: relative positions, no position table."""
    return "max_sequence_note" in spec.facts and spec.dims.get("max_positions", 0) <= 0


def off_by(stated: Stated, figure: Figure) -> float:
    """Relative difference, signed: −0.06 for 117M where 124.4M is right."""
    return (stated.number - figure.value) / figure.value


def agrees(stated: Stated, figure: Figure, field: str) -> bool:
    """Whether a stated number passes for a right value.

    Parameter counts: within 2 %, or 5 % if the table marks the number as approximate. Sizes: equal. A size
    with a unit (``30K``) may round or cut the right one to its last digit, and K may be 1024. A size that is
    marked as approximate may be 5 % off.
    """
    if field in COUNTS:
        return abs(off_by(stated, figure)) <= (TOLERANCE_ABOUT if stated.approximate else TOLERANCE)
    if stated.approximate and abs(off_by(stated, figure)) <= TOLERANCE_ABOUT:
        return True
    if not stated.scaled:
        return stated.number == figure.value
    binary = stated.number / _K * _BINARY_K
    return abs(stated.number - figure.value) < stated.step or binary == figure.value


def right_one(stated: Stated, found: Iterable[Figure]) -> Figure:
    """The right value that a wrong one is compared with: the nearest, or the standard one if that is as near.

    ``found`` has the standard figure first. Classes that differ by a head (within 2 % of the nearest) count
    as one, so that the figure is the one that ``fitwright compare`` shows.
    """
    every = tuple(found)
    nearest = min(every, key=lambda figure: abs(off_by(stated, figure)))
    return next(figure for figure in every if abs(figure.value - nearest.value) <= _SAME * nearest.value)


def parameter_classes(spec: ModelSpec) -> dict[str, int]:
    """Class → exact count, the architecture of the catalogue first; parts of a model are in it too."""
    facts = spec.facts
    found = {spec.architecture: spec.parameters}
    if facts.get("backbone_class") and facts.get("backbone_params"):
        found.setdefault(facts["backbone_class"], facts["backbone_params"])
    for name, count in (facts.get("built_other_classes") or {}).items():
        found.setdefault(name, count)
    return found


def _counts(spec: ModelSpec, field: str) -> list[Figure]:
    classes = parameter_classes(spec)
    whole = [Figure(count, name) for name, count in classes.items() if not name.endswith(_PART)]
    if field == "parameters":
        return whole
    part = {
        "encoder_parameters": "EncoderModel",
        "text_parameters": "TextModel",
        "vision_parameters": "VisionModel",
    }
    if field in part:
        found = [Figure(count, name) for name, count in classes.items() if name.endswith(part[field])]
        return whole if field == "encoder_parameters" and spec.kind == "encoder" else found
    embedding = spec.embedding_parameters
    if embedding is None:
        return whole if field == "backbone_parameters" else []
    if field == "embedding_parameters":
        return [Figure(embedding, "input embedding matrix")]
    bare = [Figure(figure.value - embedding, f"{figure.what} without word embeddings") for figure in whole]
    if spec.facts.get("lm_head_tied") is False:
        rest = spec.parameters - 2 * embedding
        bare.insert(0, Figure(rest, f"{spec.architecture} without both embedding matrices"))
    return (
        [*whole, *bare] if field == "backbone_parameters" else [figure for figure in bare if figure.value > 0]
    )


def _sizes(spec: ModelSpec, field: str) -> list[int]:
    dims = spec.dims
    if field == "layers":
        names = ["layers", "encoder_layers", "decoder_layers", "text_layers", "vision_layers"]
    elif field in ("encoder_layers", "decoder_layers"):
        names = [field] if field == "decoder_layers" and spec.kind == "encoder" else [field, "layers"]
    elif field == "ffn":
        names = ["ffn", "moe_intermediate_size", "text_ffn", "vision_ffn"]
    elif field == "vocab":
        names = ["vocab", "text_vocab"]
    elif field == "length":
        longest = [spec.max_sequence_length] if spec.max_sequence_length else []
        return [*longest, *(dims[name] for name in ("max_positions", "text_max_positions") if name in dims)]
    elif field == "embedding":
        return _embedding(spec)
    elif field == "kv_heads":
        names = ["kv_heads"] if "kv_heads" in dims else ["heads"]
    elif field == "head_dim":
        return _head_size(spec)
    elif field in ("hidden", "heads"):
        names = [field, f"text_{field}", f"vision_{field}"]
    else:
        names = [field]
    return [dims[name] for name in names if name in dims]


def _embedding(spec: ModelSpec) -> list[int]:
    """Width of a token's vector: of the embedding matrix, which some models make narrower than the layers."""
    known, vocab = spec.embedding_parameters, spec.dims.get("vocab", 0)
    if known and vocab and known % vocab == 0:
        return [known // vocab]
    return [value for name in ("embedding_size", "hidden") if (value := spec.dims.get(name))][:1]


def _head_size(spec: ModelSpec) -> list[int]:
    if "head_dim" in spec.dims:
        return [spec.dims["head_dim"]]
    hidden, heads = spec.dims.get("hidden", 0), spec.dims.get("heads", 0)
    return [hidden // heads] if heads and hidden % heads == 0 else []
