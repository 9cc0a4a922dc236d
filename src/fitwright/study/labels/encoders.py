"""The encoders of a study of labelled data: from scratch in the shapes of a family, or given with weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fitwright.catalog.local import read_model_directory
from fitwright.core.errors import UsageError
from fitwright.modeling.sources import resolve_source
from fitwright.scaling.design.families import Family, family_of
from fitwright.scaling.design.label_plan import Encoder
from fitwright.scaling.design.shapes import Shape, parse_shapes
from fitwright.sizing import flops
from fitwright.sizing.memory import closed_form, runtime
from fitwright.spec.device import Device
from fitwright.spec.model import ModelSpec
from fitwright.spec.workload import Workload

FAMILY = "bert"
SHAPES = "64/2/2,128/4/2,256/8/3"
"""From scratch, where nobody names a shape or a model."""
_CHARACTERS_PER_TOKEN, _LEAST_VOCABULARY, _MOST_VOCABULARY = 50, 512, 4096
VOCABULARY_RULE = (
    "a token for each 50 characters of the training part, as a power of two from 512 to 4,096; trained on "
    "all texts of that part: text without labels costs nothing"
)
_NOT_A_NAME = ("model", "encoder", "checkpoint", "best")
_CPU = Device(name="cpu", kind="cpu")


def encoders_of(
    models: Sequence[str], shapes: str | None, vocabulary: int, max_length: int
) -> tuple[Encoder, ...]:
    """Both kinds, smallest first.

    Args:
        models: ``PATH`` or ``NAME=PATH`` of model directories, or names that the Hub's cache knows.
        shapes: as :func:`parse_shapes` reads them; by default :data:`SHAPES` where there are no models.

    Raises:
        UsageError: no encoder, two of one name, a folder that is no model.
    """
    family = family_of(FAMILY)
    chosen = shapes if shapes is not None else None if models else SHAPES
    scratch = [] if chosen is None else [_scratch(family, s, vocabulary, max_length) for s in
                                         parse_shapes(chosen)]  # fmt: skip
    found = [*scratch, *(_pretrained(given) for given in models)]
    twice = [name for name, count in Counter(encoder.name for encoder in found).items() if count > 1]
    if twice:
        raise UsageError("two encoders have one name", got=", ".join(twice),
                         mend="Name them: --model small=PATH --model large=PATH.")  # fmt: skip
    return tuple(sorted(found, key=lambda encoder: encoder.non_embedding))


def vocabulary_for(texts: Sequence[str]) -> int:
    """Tokens of the tokenizer that is trained on those texts (:data:`VOCABULARY_RULE`)."""
    wanted = sum(map(len, texts)) // _CHARACTERS_PER_TOKEN
    return int(min(_MOST_VOCABULARY, max(_LEAST_VOCABULARY, 2 ** max(0, wanted.bit_length() - 1))))


def spec_of(encoder: Encoder, vocabulary: int, max_length: int) -> ModelSpec:
    """What sizing is asked with."""
    if encoder.path is not None:
        return read_model_directory(Path(encoder.path))
    if encoder.shape is None:
        raise ValueError("an encoder has a path or a shape")
    return family_of(FAMILY).spec(encoder.shape, vocabulary, max_length)


def flops_per_row(spec: ModelSpec, tokens: float) -> float:
    """Training FLOPs of one row of so many tokens, forward and backward."""
    length = max(1, round(tokens))
    return float(flops.per_batch(spec, Workload(mode="train", batch=1, seq=length)) or 0)


def memory_bytes(spec: ModelSpec, tokens: float, batch: int) -> int:
    """Memory of a training process on a CPU: a formula's estimate, libraries included."""
    workload = Workload(mode="train", batch=batch, seq=max(1, round(tokens)))
    found = closed_form.estimate(spec, workload, _CPU)
    return round((found.total.value if found else 0) + runtime.LIBRARIES_BYTES)


def _scratch(family: Family, shape: Shape, vocabulary: int, max_length: int) -> Encoder:
    total = family.total(shape, vocabulary, max_length)
    return Encoder(
        name=shape.name, path=None, shape=shape, parameters=total,
        non_embedding=total - vocabulary * shape.width,
    )  # fmt: skip


def _pretrained(given: str) -> Encoder:
    name, path = _named(given)
    folder = resolve_source(path).resolve()
    spec = read_model_directory(folder)
    if spec.kind != "encoder":
        raise UsageError("a study of labelled data is of encoders", got=f"{given}: {spec.kind}",
                         mend="Give a model such as BERT, RoBERTa or DeBERTa.")  # fmt: skip
    return Encoder(
        name=name or _short(folder), path=str(folder), shape=None, parameters=spec.parameters,
        non_embedding=spec.parameters - (spec.embedding_parameters or 0),
    )  # fmt: skip


def _named(given: str) -> tuple[str, str]:
    """``NAME=PATH``, or a path alone: one that is there may have the sign in it."""
    name, sign, path = given.partition("=")
    if not sign or Path(given).expanduser().exists():
        return "", given
    if not name.strip() or not path.strip():
        raise UsageError("a model is given as PATH or NAME=PATH", got=given)
    return name.strip(), path.strip()


def _short(folder: Path) -> str:
    """The folder's name; of a folder that is called ``model`` and the like the one above it."""
    return folder.parent.name if folder.name in _NOT_A_NAME and folder.parent.name else folder.name
