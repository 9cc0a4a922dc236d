"""The class that a ``config.json`` names, built on the meta device and counted; what kind of model it is."""

from __future__ import annotations

import contextlib
import copy
import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.catalog import config_file, local
from fitwright.core.errors import UsageError
from fitwright.core.optional import require
from fitwright.sizing import required
from fitwright.spec.model import Kind

_TIED_BY_FORCE = ("t5", "mt5", "umt5", "longt5", "pop2piano", "udop")
"""Types whose configuration class of transformers 5 overwrites ``tie_word_embeddings`` with true."""

_FOUR_TIMES, _FEED_FORWARD = (
    ("openai-gpt", "gpt2", "gpt_neo", "gptj", "codegen", "gpt_bigcode", "bloom"), 4,
)  # fmt: skip
"""Types whose feed-forward layer is four times as wide as the model where the file does not say otherwise."""

_MATRIX = 2
_HEADS = ("num_attention_heads", "num_heads")
_IMAGE = "pixel_values"


@dataclass(frozen=True, kw_only=True)
class Built:
    """What building the class of a config told.

    Attributes:
        parameters: each shared tensor once; an output matrix that the library ties by force on its own.
        built_parameters: as the library builds it.
        embedding: input embedding matrix; ``None`` where there is none.
        tied: whether the output matrix is the input's; ``None`` where there is no output matrix.
        parts: parameters of the ``embedding``, ``layers``, ``head`` and the ``other``.
        sizes: the sizes under the catalogue's names, defaults of the class included.
        longest, soft: the most tokens; why that is no hard limit.
        defaults: which fields the file lacks that the class filled; empty where none.
    """

    architecture: str
    kind: Kind
    parameters: int
    built_parameters: int
    embedding: int | None
    tied: bool | None
    parts: dict[str, int]
    sizes: dict[str, int]
    longest: int | None
    soft: str
    defaults: str


def build(values: Mapping[str, Any], source: str) -> Built:
    """Build the class that ``values`` names without weights, and count.

    Args:
        values: what the ``config.json`` holds, checked by :func:`fitwright.catalog.config_file.check`.
        source: names the file in errors.

    Raises:
        UsageError: a size is missing, or transformers has no such type or class, or cannot build it.
        MissingExtraError: torch or transformers is not installed.
    """
    require("torch")
    transformers = require("transformers")
    from fitwright.sizing.tracing import model as tracing

    with _quiet(transformers):
        config = tracing.config_of(copy.deepcopy(dict(values)), source)
        defaults = required.check(config, values, source, installed=transformers.__version__)
        model_class = _class_of(transformers, config, values, source)
        config._name_or_path = source  # what errors name
        model = tracing.build(config, model_class, "eager")
        effective = {**config.to_dict(), "model_type": values["model_type"]}
    count = sum(math.prod(shape) * times for shape, times in tracing.parameters_of(model))
    inputs, head = _matrix(model, "get_input_embeddings"), _matrix(model, "get_output_embeddings")
    parts, tied = tracing.parts_of(model), None if head is None else head is inputs
    apart = 0
    if tied and values.get("tie_word_embeddings") is False and values["model_type"] in _TIED_BY_FORCE:
        apart, tied = inputs.numel(), False
        parts["head"] += apart
    kind = kind_of(effective, model_class.__name__, model.main_input_name)
    sizes, longest, soft = _sizes(effective, kind)
    return Built(
        architecture=model_class.__name__, kind=kind, parameters=count + apart, built_parameters=count,
        embedding=None if inputs is None else inputs.numel(), tied=tied, parts=parts, sizes=sizes,
        longest=longest, soft=soft, defaults=defaults,
    )  # fmt: skip


def _class_of(transformers: Any, config: Any, values: Mapping[str, Any], source: str) -> Any:
    """The class that the file names first, if it is a model of the file's type; else the base class."""
    from fitwright.sizing.tracing.model import class_of

    names = values.get("architectures")
    if not names:
        try:
            base = class_of(config, None)
        except ValueError:  # a few types name a base class that the library does not have
            raise UsageError(
                f"transformers has no base class for the type of {source}", got=values["model_type"],
                mend="Name the class in 'architectures'.",
            ) from None  # fmt: skip
        return base[0] if isinstance(base, tuple) else base
    found: Any = getattr(transformers, names[0], None)
    if found is None:
        mend = "Mend 'architectures', or leave it out for the base class of the type."
        if values.get("auto_map"):
            mend = f"It is code of the repository's own (auto_map), which is not run. {mend}"
        raise UsageError(
            f"{source} names a class in 'architectures' that transformers {transformers.__version__} lacks",
            got=names[0], mend=mend,
        )  # fmt: skip
    if not isinstance(found, type) or not issubclass(found, transformers.PreTrainedModel):
        raise UsageError(f"{source} names a class in 'architectures' that is no model", got=names[0])
    expected: Any = getattr(found, "config_class", None)
    if not isinstance(config, expected) and not _is_borrowed(values["model_type"], found.__name__):
        raise UsageError(
            f"{source} contradicts itself: model_type is {values['model_type']!r}, and the class in "
            f"'architectures' takes a {expected.__name__}", got=names[0],
        )  # fmt: skip
    return found


def _is_borrowed(model_type: str, architecture: str) -> bool:
    """Whether the library itself gives that class to models of the type: a few borrow another type's."""
    mappings = require("transformers.models.auto.modeling_auto")
    for name, table in vars(mappings).items():
        named = table.get(model_type) if name.endswith("_MAPPING_NAMES") else None
        if named == architecture or (isinstance(named, tuple) and architecture in named):
            return True
    return False


def _matrix(model: Any, getter: str) -> Any:
    """The weight of the input or output embedding, ``None`` where the model has none (images, audio)."""
    try:
        module = getattr(model, getter)()
    except (AttributeError, NotImplementedError):
        return None
    weight = getattr(module, "weight", None)
    return weight if weight is not None and weight.dim() == _MATRIX else None


def kind_of(effective: Mapping[str, Any], architecture: str, main_input: str) -> Kind:
    """As the catalogue has it for the type, else from the class and from what the configuration has.

    Args:
        effective: the configuration with the defaults of its class.
        architecture: name of the class that is built.
        main_input: what that class reads first: ``input_ids``, ``pixel_values``, ``input_features``.
    """
    nested = {prefix.partition(".")[0] for prefix, _ in config_file.sections(effective) if prefix}
    known = local.kind_of(effective["model_type"], architecture)
    if "text_config" in nested and len(nested) > 1:
        return "multimodal"
    if known == "encoder-decoder" and architecture.endswith("ForCausalLM"):
        return "decoder"  # its decoder alone
    if known not in (None, "vision"):
        return known
    if main_input == _IMAGE:
        if "decoder" in nested:
            return "multimodal"
        return "vision" if any(effective.get(name) for name in _HEADS) else "cnn"
    if effective.get("is_encoder_decoder"):
        return "encoder-decoder"
    return known or ("decoder" if _only_generates(effective["model_type"]) else "encoder")


def _only_generates(model_type: str) -> bool:
    """Whether the library has a causal language model of the type, and no masked one."""
    mappings = require("transformers.models.auto.modeling_auto")
    masked = model_type in mappings.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return model_type in mappings.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and not masked


def _sizes(effective: Mapping[str, Any], kind: Kind) -> tuple[dict[str, int], int | None, str]:
    values = dict(effective)
    if kind == "decoder" and "decoder_layers" in values:  # the decoder of an encoder-decoder, alone
        values["num_hidden_layers"] = values["decoder_layers"]
    if values.get("multi_query") and not values.get("new_decoder_architecture"):  # Falcon, StarCoder
        values["num_key_value_heads"] = 1
    sizes, longest, soft = local.sizes(values, two_stacks=kind == "encoder-decoder")
    if "ffn" not in sizes and values["model_type"] in _FOUR_TIMES and "hidden" in sizes:
        sizes["ffn"] = _FEED_FORWARD * sizes["hidden"]
    return sizes, longest, soft


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """The library's remarks are about running models, and nothing is run."""
    logging = transformers.utils.logging
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
