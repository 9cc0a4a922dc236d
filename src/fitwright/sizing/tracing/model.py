"""The class that a config names, built without weights; its parameters; its stacks of equal layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fitwright.core.errors import UsageError

TRACED_LAYERS = 5
"""Layers of a longer stack that are traced: the first and the last may differ; the third is repeated."""

_SHARED_ONLY_BY_THE_LIBRARY = ("t5", "mt5", "umt5", "longt5", "pop2piano", "udop")
_PLACE = ("layer_idx", "layer_id", "training", "layer_number")
"""Settings of a layer that say where it stands, not what it does."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A model on the meta device with what must be known of it before layers are taken out.

    Attributes:
        parameters: (shape, count) of each trainable tensor, shared ones once.
        stacks: the lists of equal layers, in order; extra: how many layers were taken out of each.
    """

    model: Any
    config: Any
    parameters: tuple[tuple[tuple[int, ...], int], ...]
    buffer_bytes: int
    stacks: tuple[Any, ...]
    extra: tuple[int, ...]


def config_of(values: Mapping[str, Any], source: str) -> Any:
    """The configuration object of a ``config.json``'s content.

    Raises:
        UsageError: no ``model_type``, a type that transformers does not know, or values that it refuses.
    """
    import transformers

    model_type = values.get("model_type")
    if not model_type:
        raise UsageError(
            "config.json has no 'model_type'",
            got=source,
            mend="Name the architecture there, for example 'bert'.",
        )
    if model_type not in transformers.CONFIG_MAPPING:
        raise UsageError(
            "config.json names a model type that transformers does not know", got=model_type,
            mend="Models with code of their own are not run; use a type that the library has.",
        )  # fmt: skip
    plain = {k: v for k, v in values.items() if k not in ("model_type", "transformers_version", "auto_map")}
    try:
        return transformers.AutoConfig.for_model(model_type, **plain)
    except Exception as error:  # configs check their fields in many ways
        reason = str(error).strip().splitlines()
        raise UsageError(
            f"transformers refuses this config ({type(error).__name__}: {'; '.join(reason)[:300]})",
            got=source,
        ) from error


def class_of(config: Any, architecture: str | None) -> Any:
    """The class named, else the first of the config's ``architectures``, else the base class of its type."""
    import transformers

    name = architecture or next(iter(getattr(config, "architectures", None) or ()), None)
    if name is not None:
        found = getattr(transformers, name, None)
        if found is None:
            raise UsageError(
                "transformers has no such class", got=name, mend="Mend 'architectures' in config.json."
            )
        return found
    try:
        return transformers.AutoModel._model_mapping[type(config)]
    except KeyError:
        raise UsageError("transformers has no base class for this type", got=config.model_type) from None


def build(config: Any, model_class: Any, attention: str) -> Any:
    """The model on the meta device. ``attention``: ``eager`` or ``fused``.

    Output weights that the config keeps apart and that the library ties (T5 v1.1 and its kin) are undone.

    Raises:
        UsageError: the class refuses the config.
    """
    config._attn_implementation = "eager" if attention == "eager" else "sdpa"
    apart = getattr(config, "tie_word_embeddings", True) is False or getattr(
        config, "_fitwright_untied", False
    )
    try:
        with torch.device("meta"):
            try:
                model = model_class(config)
            except ValueError as error:
                if "scaled_dot_product_attention" not in str(error) and "sdpa" not in str(error):
                    raise
                config._attn_implementation = "eager"
                model = model_class(config)
    except Exception as error:
        reason = str(error).strip().splitlines()[:1]
        raise UsageError(
            f"{model_class.__name__} cannot be built from this config "
            f"({type(error).__name__}: {''.join(reason)[:200]})",
            got=str(getattr(config, "_name_or_path", "") or config.model_type),
        ) from error
    if apart and config.model_type in _SHARED_ONLY_BY_THE_LIBRARY:
        _untie(model)
    return model


def _untie(model: Any) -> None:
    head = getattr(model, "lm_head", None)
    inputs = model.get_input_embeddings()
    if head is not None and inputs is not None and head.weight is inputs.weight:
        head.weight = nn.Parameter(torch.empty_like(inputs.weight))


def parameters_of(model: Any) -> tuple[tuple[tuple[int, ...], int], ...]:
    """(shape, count) of each parameter, a shared one once."""
    found = Counter(tuple(parameter.shape) for parameter in model.parameters())
    return tuple(sorted(found.items()))


def parts_of(model: Any) -> dict[str, int]:
    """Parameters by part: ``embedding``, ``head``, ``layers``, ``other``; a shared tensor in the first."""
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    embeddings = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    in_layers = {id(p) for stack in stacks_of(model) for p in stack.parameters()}
    in_head = {id(p) for p in head.parameters()} if head is not None else set()
    places = {"layers": in_layers, "embedding": embeddings, "head": in_head}
    parts = dict.fromkeys((*places, "other"), 0)
    for parameter in model.parameters():
        key = id(parameter)
        part = next((name for name, members in places.items() if key in members), "other")
        parts[part] += parameter.numel()
    return parts


def stacks_of(model: Any) -> list[Any]:
    """The outermost lists of at least two layers of one class."""
    found: list[Any] = []

    def visit(module: Any) -> None:
        for child in module.children():
            layers = list(child) if isinstance(child, nn.ModuleList) else []
            if len(layers) > 1 and len({type(layer) for layer in layers}) == 1 and _is_heavy(layers[0]):
                found.append(child)
            else:
                visit(child)

    visit(model)
    return found


def _is_heavy(layer: Any) -> bool:
    return any(p.dim() > 1 for p in layer.parameters()) and not isinstance(layer, (nn.Linear, nn.Embedding))


def shorten(model: Any) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """Take equal layers out of each long stack of ``model``: (stacks, layers taken out of each).

    A stack stays whole where its layers differ in their parameters or in their settings.
    """
    stacks = tuple(stacks_of(model))
    extra = []
    for stack in stacks:
        layers = list(stack)
        if len(layers) > TRACED_LAYERS + 1 and _equal(layers):
            extra.append(len(layers) - TRACED_LAYERS)
            del stack[TRACED_LAYERS:]
        else:
            extra.append(0)
    return stacks, tuple(extra)


def _equal(layers: list[Any]) -> bool:
    """The layers after the first have the same parameters and plain settings (kind of attention, window…)."""

    def signature(layer: Any) -> tuple[Any, ...]:
        shapes = tuple((name, tuple(p.shape)) for name, p in layer.named_parameters())
        settings = tuple(
            (name, key, value)
            for name, module in layer.named_modules()
            for key, value in sorted(vars(module).items())
            if isinstance(value, (bool, int, float, str, tuple)) and key not in _PLACE
        )  # fmt: skip
        return shapes, settings

    return len({signature(layer) for layer in layers[1:]}) == 1


def prepare(
    config: Any, model_class: Any, attention: str, *, dtype: torch.dtype, whole: bool = False
) -> Built:
    """Build, note parameters, shorten, and set the dtype. ``whole``: keep every layer."""
    for name in [name for name in vars(config) if "layerdrop" in name]:
        setattr(config, name, 0.0)  # a step that skips no layer is the largest
    if getattr(config, "problem_type", None) is None and getattr(config, "num_labels", 1) > 1:
        config.problem_type = "single_label_classification"  # else DeBERTa looks for it in the labels
    model = build(config, model_class, attention).to("meta", dtype)
    parameters = parameters_of(model)
    buffers = sum(b.numel() * b.element_size() for b in model.buffers())
    stacks, extra = ((), ()) if whole else shorten(model)
    return Built(
        model=model, config=config, parameters=parameters, buffer_bytes=buffers, stacks=stacks, extra=extra
    )
