"""Which column of a table of runs holds what: as told, else by usual names, else an error that lists them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fitwright.core.errors import DataError

SizeKind = Literal["total", "non-embedding", "unstated"]

_NAMES = {
    "n": ("n", "params", "params_n", "parameters", "n_params", "num_params", "model_size", "size",
          "model size", "non_embedding_params", "n_no_emb", "参数量"),
    "d": ("d", "tokens", "tokens_d", "tokens_t", "training_tokens", "train_tokens", "n_tokens", "num_tokens",
          "dataset_size", "training tokens", "data", "训练词元"),
    "flops": ("c", "flops", "flop", "compute", "training_flops", "training flop", "train_flops", "算力"),
    "loss": ("loss", "val_loss", "eval_loss", "validation_loss", "test_loss", "heldout_loss",
             "final_loss", "损失"),
    "unique": ("u", "unique", "unique_tokens", "unique_tokens_u", "tokens_per_epoch", "unique_data"),
}  # fmt: skip
"""In order of preference: the first that is there is taken."""
_OPTIONS = {name: f"--{name}-column" for name in (*_NAMES, "accuracy")}
_WITHOUT_EMBEDDINGS = ("non_emb", "no_emb", "non-emb", "nonemb", "without_emb", "non emb")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns that are used. Exactly one of ``d`` and ``flops`` gives the tokens.

    Attributes:
        unique: ``None`` where nothing was trained on twice, or nobody says so.
        accuracy: on a task, as the user named it; never looked for.
        size_kind: what ``n`` counts, as its name says.
    """

    n: str
    loss: str
    d: str | None = None
    flops: str | None = None
    unique: str | None = None
    accuracy: str | None = None

    @property
    def size_kind(self) -> SizeKind:
        lowered = self.n.casefold()
        return "non-embedding" if any(part in lowered for part in _WITHOUT_EMBEDDINGS) else "unstated"

    def as_json(self) -> dict[str, str | None]:
        return {
            "n": self.n, "d": self.d, "flops": self.flops, "loss": self.loss, "unique": self.unique,
            "accuracy": self.accuracy,
        }  # fmt: skip


def detect(names: Sequence[str], given: Mapping[str, str | None]) -> Columns:
    """Choose the columns.

    Args:
        names: the table's columns.
        given: ``n``, ``d``, ``flops``, ``loss``, ``unique`` as the user named them, ``None`` to look for;
            ``accuracy``.

    Raises:
        DataError: no such column, one column for two things, or nothing found for a thing that is needed.
    """
    for key, name in given.items():
        if name is not None and name not in names:
            raise _unknown(name, names, _OPTIONS[key])
    if given.get("d") and given.get("flops"):
        raise DataError(
            "tokens are given twice", got=f"{given['d']} and {given['flops']}",
            mend="Give --d-column, or --flops-column for D = C/6N.",
        )  # fmt: skip
    found = {key: given.get(key) for key in _NAMES}
    for key in ("n", "loss"):
        found[key] = found[key] or _needed(key, names, found)
    if found["d"] is None and found["flops"] is None:
        found["d"] = _by_name("d", names, found)
        found["flops"] = None if found["d"] else _by_name("flops", names, found)
    if found["d"] is None and found["flops"] is None:
        raise _absent("d", "--d-column NAME, or --flops-column NAME for D = C/6N", names)
    found["unique"] = found["unique"] or _by_name("unique", names, found)
    found["accuracy"] = given.get("accuracy")
    _refuse_twins(found)
    return Columns(
        n=str(found["n"]), loss=str(found["loss"]), d=found["d"], flops=found["flops"],
        unique=found["unique"], accuracy=found["accuracy"],
    )  # fmt: skip


def _by_name(key: str, names: Sequence[str], taken: Mapping[str, str | None]) -> str | None:
    lowered = {name.strip().casefold(): name for name in names if name not in taken.values()}
    return next((lowered[usual] for usual in _NAMES[key] if usual in lowered), None)


def _needed(key: str, names: Sequence[str], taken: Mapping[str, str | None]) -> str:
    found = _by_name(key, names, taken)
    if found is None:
        raise _absent(key, f"{_OPTIONS[key]} NAME", names)
    return found


def _absent(key: str, option: str, names: Sequence[str]) -> DataError:
    what = {"n": "parameters (N)", "loss": "the loss", "d": "tokens (D)"}[key]
    return DataError(f"no column holds {what}", got=", ".join(names), mend=f"Say which with {option}.")


def _unknown(name: str, names: Sequence[str], option: str) -> DataError:
    lowered = {column.casefold(): column for column in names}
    near = difflib.get_close_matches(name.casefold(), lowered, n=1)
    mend = f"Did you mean {lowered[near[0]]!r}?" if near else f"Name one of them with {option}."
    return DataError("no such column in the table", got=name, allowed=", ".join(names), mend=mend)


def _refuse_twins(found: Mapping[str, str | None]) -> None:
    named = [name for name in found.values() if name is not None]
    for name in named:
        if named.count(name) > 1:
            keys = [key for key, value in found.items() if value == name]
            raise DataError("one column stands for two things", got=name, allowed="a column each",
                            mend=f"It was taken for {' and '.join(keys)}.")  # fmt: skip
