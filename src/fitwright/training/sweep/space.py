"""What a sweep goes over: ``lr=1e-5..1e-3:log,batch=16|32|64,depth=2..6``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fitwright.core.errors import UsageError
from fitwright.training.settings import TrainSettings

DEFAULT = "default"
SHAPES = ("width", "heads", "depth")
"""Of a model that is built from a config: hidden size, attention heads, layers."""

_SHORT = {"lr": "learning_rate", "batch": "batch_size", "rank": "lora_rank"}
_FIXED = {"seed", "validation", "test", "checkpoint_s", "patience"}
"""Settings that decide what is compared, not how good it is."""
_FORM = "name=low..high, name=low..high:log or name=a|b|c, separated by commas"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One thing that a sweep changes: a range, or choices.

    Attributes:
        name: of a setting, or one of :data:`SHAPES`.
        low, high: ends of a range, both possible; whole numbers where the setting is one.
        log: whether the range is drawn from evenly in the logarithm.
        choices: in place of a range.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[Any, ...] = ()

    def holds(self, value: Any) -> bool:
        """Whether that value can be drawn."""
        return value in self.choices if self.choices else value is not None and self.low <= value <= self.high

    @property
    def middle(self) -> float:
        """Of the range, in the sense in which it is drawn from."""
        return (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2

    def text(self) -> str:
        """As the command line takes it."""
        if self.choices:
            return f"{self.name}=" + "|".join(f"{value:g}" if isinstance(value, float) else str(value)
                                              for value in self.choices)  # fmt: skip
        return f"{self.name}={self.low:g}..{self.high:g}" + (":log" if self.log else "")


def parse_space(text: str, settings: TrainSettings, shape: Mapping[str, int]) -> tuple[Parameter, ...]:
    """The parameters that a text names.

    Args:
        text: such as ``lr=1e-5..1e-3:log,batch=16|32|64``, or ``default``.
        settings: of the run that is changed; the default space lies around them.
        shape: width, heads and depth of a model that is built from a config, else nothing.

    Raises:
        UsageError: not of that form, an unknown setting, or a value that it does not take.
    """
    if text.strip() == DEFAULT:
        return default_space(settings, shape)
    found = tuple(_parameter(part.strip(), shape) for part in text.split(","))
    names = [parameter.name for parameter in found]
    if "batch_size" in names and settings.batch_tokens is not None:
        raise UsageError(
            "steps are cut by tokens, so that the batch in rows changes nothing", got=text,
            mend="Sweep batch_tokens, or leave --batch-tokens out.",
        )  # fmt: skip
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError("a sweep names a setting twice", got=", ".join(twice))
    return found


def default_space(settings: TrainSettings, shape: Mapping[str, int]) -> tuple[Parameter, ...]:
    """Learning rate, batch and epochs around the settings; depth and width too where there is a shape."""
    rate, epochs = settings.learning_rate, settings.epochs
    unit = "batch_size" if settings.batch_tokens is None else "batch_tokens"  # what steps are cut by
    batch = settings.batch_tokens or settings.batch_size
    found = [
        Parameter(name="learning_rate", low=rate / 5, high=rate * 5, log=True),
        Parameter(name=unit, choices=tuple(sorted({max(1, batch // 2), batch, batch * 2}))),
        Parameter(name="epochs", low=1, high=epochs + 1),
    ]
    if shape:
        found.append(Parameter(name="depth", low=max(1, shape["depth"] // 2), high=shape["depth"]))
        widths = {shape["width"], shape["width"] // 2 // shape["heads"] * shape["heads"]} - {0}
        found.append(Parameter(name="width", choices=tuple(sorted(widths))))
    return tuple(found)


def _parameter(text: str, shape: Mapping[str, int]) -> Parameter:
    name, equals, values = text.partition("=")
    name = _SHORT.get(name.strip(), name.strip())
    if not equals or not values:
        raise UsageError("not a part of a sweep", got=text, allowed=_FORM)
    allowed = sorted({*TrainSettings.__dataclass_fields__, *(SHAPES if shape else ())} - _FIXED)
    if name in SHAPES and not shape:
        raise UsageError(
            f"{name} can be changed only in a model that is built from its config", got=text,
            mend="Give a folder with config.json and tokenizer files alone with --model: it is built anew.",
        )  # fmt: skip
    if name not in allowed:
        raise UsageError("a sweep cannot change that", got=name, allowed=", ".join(allowed))
    values, colon, log = values.partition(":")
    if "|" in values and not colon:
        return Parameter(name=name, choices=tuple(_value(name, one) for one in values.split("|")))
    low, dots, high = values.partition("..")
    if not dots or (colon and log != "log"):
        raise UsageError("not a part of a sweep", got=text, allowed=_FORM)
    ends = _value(name, low), _value(name, high)
    numbers = all(isinstance(end, int | float) for end in ends)
    if not numbers or not ends[0] < ends[1] or (log and ends[0] <= 0):
        raise UsageError("not a range of numbers", got=text, allowed="low..high with low below high")
    return Parameter(name=name, low=ends[0], high=ends[1], log=bool(log))


def _value(name: str, text: str) -> Any:
    """The text as a value that the setting takes."""
    kind = "int" if name in SHAPES else str(TrainSettings.__dataclass_fields__[name].type)
    read: type = {"int": int, "float": float}.get(kind.partition(" |")[0], str)
    try:
        value = read(text.strip())
    except ValueError:
        raise UsageError(f"{name} has a wrong value", got=text, allowed=kind) from None
    if name not in SHAPES:
        TrainSettings().but(**{name: value})
    elif value < 1:
        raise UsageError(f"{name} must be a whole number from 1", got=text)
    return value
