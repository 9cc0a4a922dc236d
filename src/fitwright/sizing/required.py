"""Which sizes a ``config.json`` must state, so that no default of the library passes for a fact.

``transformers`` fills what a file leaves out with the defaults of the configuration class:
``{"model_type": "bert"}`` builds BERT-base. Whether an absent size is a default that was meant depends on who
wrote the file:

- Every release writes the sizes of the outermost object in full: ``to_diff_dict`` compares with the base
  class, which has none. One that is absent was taken out or never written, and is refused. Only a lesser size
  may be absent from the file of an older release, which may not have had it yet.
- Of nested objects (``text_config``), the releases 4.32 to 4.49 left out what equals the class's default. In
  their files, which say so in ``transformers_version``, an absent size *is* the default: the notes name it.
- A file without ``transformers_version`` was written by hand: every size must be there.

Known limit: in the second case the default is that of the installed release, should it have changed since.

Source: ``configuration_utils.py`` of the releases 4.20 to 5.18, https://github.com/huggingface/transformers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.catalog.config_file import NAMES
from fitwright.core.errors import UsageError

_MAIN = frozenset({
    *NAMES["hidden"], *NAMES["layers"], *NAMES["heads"], *NAMES["ffn"], *NAMES["vocab"],
    "encoder_layers", "decoder_layers", "decoder_attention_heads", "decoder_ffn_dim",
    "embed_dim", "depths", "hidden_sizes",
})  # fmt: skip
_LESSER = frozenset({
    *NAMES["kv_heads"], *NAMES["head_dim"], *NAMES["max_positions"], *NAMES["embedding_size"],
    "max_source_positions", "num_mel_bins", "image_size", "patch_size", "num_experts", "num_local_experts",
    "n_routed_experts", "n_shared_experts", "num_experts_per_tok", "moe_intermediate_size", "state_size",
})  # fmt: skip
_MENTIONED = frozenset({
    "type_vocab_size", "num_channels", "projection_dim", "tie_word_embeddings", "kv_lora_rank", "q_lora_rank",
    "conv_kernel_size", "mlp_ratio", "window_size",
})  # fmt: skip
"""Change the count a little and are rarely written by hand: the notes name the defaults that were taken."""

_HEAD_WIDTHS = NAMES["head_dim"]
_DROPS_NESTED_FROM, _DROPS_NESTED_UNTIL = (4, 32), (4, 50)
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A size that the file lacks. ``path``: ``text_config.hidden_size``; ``default``: its stand-in."""

    path: str
    default: Any
    owner: str
    is_nested: bool
    rank: str


def check(config: Any, values: Mapping[str, Any], source: str, *, installed: str) -> str:
    """Refuse a file that leaves the library to guess a size of the model.

    Args:
        config: the configuration object made of ``values``.
        values: what the file holds.
        source: named in the error.
        installed: version of the library that made ``config``.

    Returns:
        Which class defaults stand in for fields that the file lacks; empty where there are none.

    Raises:
        UsageError: sizes are missing (all are named), or heads do not divide the width.
    """
    absent = list(_absent(config, _plain(config), values, values, ""))
    written_by = values.get("transformers_version")
    missing = [one for one in absent if one.rank != "mentioned" and not _is_meant(one, written_by, installed)]
    if missing:
        names = ", ".join(repr(one.path) for one in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        first = missing[0]
        raise UsageError(
            f"config.json has no {names}{more}", got=source,
            mend=f"Write it there: {first.owner}'s default, {first.default}, would be a guess.",
        )  # fmt: skip
    _check_heads(config, values, source)
    taken = [one for one in absent if one.rank != "mentioned" or not written_by]
    if not taken:
        return ""
    shown = ", ".join(f"{one.path} {one.default}" for one in taken[:_SHOWN])
    return f"not in config.json, so the defaults of the class: {shown}" + (
        ", …" if len(taken) > _SHOWN else ""
    )


def _absent(
    config: Any, plain: Any, section: Mapping[str, Any], top: Mapping[str, Any], prefix: str
) -> Iterator[Absent]:
    """Sizes of ``config`` and of what is nested in it that its section of the file does not state.

    ``plain``: the same configuration as the library makes it of nothing, ``None`` where it cannot.
    """
    nested = _nested(config)
    for name, default in _sizes(type(config)):
        value = _value(config, name)
        if default is None or name in nested or value not in (_as_list(default), _value(plain, name)):
            continue  # what is no default follows from something in the file
        if _states(config, name, value, section):
            continue
        if prefix and not section and _states(config, name, value, top):
            continue  # older layouts have the sizes of the language model at the top
        yield Absent(
            path=f"{prefix}{name}", default=value, owner=type(config).__name__, is_nested=bool(prefix),
            rank="main" if name in _MAIN else "lesser" if name in _LESSER else "mentioned",
        )  # fmt: skip
    for key, inner in nested.items():
        written = section.get(key)
        own = written if isinstance(written, Mapping) else {}
        yield from _absent(inner, getattr(plain, key, None), own, top, f"{prefix}{key}.")


def _plain(config: Any) -> Any:
    try:
        return type(config)()
    except Exception:  # composed configurations need their parts
        return None


def _nested(config: Any) -> dict[str, Any]:
    found = {key: getattr(config, key, None) for key in getattr(type(config), "sub_configs", {})}
    return {key: inner for key, inner in found.items() if hasattr(inner, "model_type")}


def _sizes(owner: type[Any]) -> Iterator[tuple[str, Any]]:
    """(field, default) of the sizes that a configuration class has."""
    for one in dataclasses.fields(owner):
        if one.name in _MAIN or one.name in _LESSER or one.name in _MENTIONED:
            if one.default_factory is not dataclasses.MISSING:
                yield one.name, one.default_factory()
            else:
                yield one.name, None if one.default is dataclasses.MISSING else one.default


def _value(config: Any, name: str) -> Any:
    try:
        return _as_list(getattr(config, name, None))
    except Exception:  # a size that varies from layer to layer has no one value
        return None


def _as_list(value: Any) -> Any:
    return [_as_list(part) for part in value] if isinstance(value, tuple | list) else value


def _states(config: Any, name: str, value: Any, section: Mapping[str, Any]) -> bool:
    """Whether the section of the file gives the size, by a name of the class or, if equal, by another."""
    stored = config.attribute_map.get(name, name)
    known = {name, stored, *(other for other, own in config.attribute_map.items() if own == stored)}
    if any(section.get(one) is not None for one in known):
        return True
    return any(section.get(one) == value for names in NAMES.values() if name in names for one in names)


def _is_meant(one: Absent, written_by: object, installed: str) -> bool:
    """Whether the library that wrote the file leaves this field out when it equals the default."""
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(str(written_by)) if written_by else None
    except InvalidVersion:
        version = None
    if version is None:
        return False
    release = version.release[:2]
    if one.is_nested:
        is_last = release == _DROPS_NESTED_UNTIL and version.is_prerelease
        if _DROPS_NESTED_FROM <= release < _DROPS_NESTED_UNTIL or is_last:
            return True
    return one.rank == "lesser" and release < Version(installed).release[:2]


def _check_heads(config: Any, values: Mapping[str, Any], source: str, prefix: str = "") -> None:
    """Heads that do not divide the width, where the class derives a head's from both; key heads likewise.

    Some classes have such heads by default, which their code rounds down: theirs is taken as meant.
    """
    given = {
        name: _number(config, name) for name in ("hidden_size", "num_attention_heads", "num_key_value_heads")
    }
    width, heads, keys = given.values()
    wrong = ""
    if (
        width
        and heads
        and width % heads
        and not _has_own_width(config, values)
        and not _is_default(config, given)
    ):
        wrong = f"{prefix}num_attention_heads {heads}, which does not divide {prefix}hidden_size {width}"
    elif heads and keys and heads % keys:
        wrong = (
            f"{prefix}num_key_value_heads {keys}, which does not divide {prefix}num_attention_heads {heads}"
        )
    if wrong:
        raise UsageError(f"config.json has {wrong}", got=source)
    for key, inner in _nested(config).items():
        written = values.get(key)
        _check_heads(inner, written if isinstance(written, Mapping) else {}, source, f"{prefix}{key}.")


def _has_own_width(config: Any, values: Mapping[str, Any]) -> bool:
    """Whether the width of a head is a size of its own: with a default in the class, or in the file."""
    defaults = {one.name: one.default for one in dataclasses.fields(config)}
    own = any(name.endswith(_HEAD_WIDTHS) and isinstance(value, int) for name, value in defaults.items())
    return own or any(values.get(name) for name in _HEAD_WIDTHS)


def _is_default(config: Any, given: Mapping[str, int | None]) -> bool:
    defaults = {one.name: one.default for one in dataclasses.fields(config)}
    names = ("hidden_size", "num_attention_heads")
    return all(defaults.get(config.attribute_map.get(name, name)) == given[name] for name in names)


def _number(config: Any, name: str) -> int | None:
    value = _value(config, name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
