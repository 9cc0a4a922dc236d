"""What a sweep may be told."""

from __future__ import annotations

import pytest

from fitwright.core.errors import UsageError
from fitwright.training.settings import TrainSettings
from fitwright.training.sweep.space import Parameter, parse_space

SETTINGS = TrainSettings(learning_rate=1e-4, batch_size=16, epochs=2)
SHAPE = {"width": 64, "heads": 4, "depth": 6}


def test_ranges_and_choices() -> None:
    assert parse_space("lr=1e-5..1e-3:log, batch=16|32,weight_decay=0..0.1,epochs=1..4", SETTINGS, {}) == (
        Parameter(name="learning_rate", low=1e-5, high=1e-3, log=True),
        Parameter(name="batch_size", choices=(16, 32)),
        Parameter(name="weight_decay", low=0.0, high=0.1),
        Parameter(name="epochs", low=1, high=4),
    )
    assert parse_space("depth=1..3,precision=fp32|bf16", SETTINGS, SHAPE)[1].choices == ("fp32", "bf16")


def test_the_usual_space_lies_around_the_settings() -> None:
    plain, built = (parse_space("default", SETTINGS, shape) for shape in ({}, SHAPE))
    assert [parameter.text() for parameter in plain] == [
        "learning_rate=2e-05..0.0005:log", "batch_size=8|16|32", "epochs=1..3",
    ]  # fmt: skip
    assert [parameter.text() for parameter in built[3:]] == ["depth=3..6", "width=32|64"]
    for parameter in plain:
        assert parameter.holds(getattr(SETTINGS, parameter.name))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lr", "name=low..high"),
        ("lr=1e-5", "name=low..high"),
        ("lr=1e-3..1e-5", "low below high"),
        ("lr=0..1e-3:log", "must be above 0"),
        ("weight_decay=0..1:log", "low below high"),
        ("lr=1e-5..1e-3:linear", "name=low..high"),
        ("lr=a..b", "learning_rate has a wrong value"),
        ("precision=fp8|fp32", "unknown precision"),
        ("seed=1..5", "cannot change that"),
        ("colour=red|blue", "cannot change that"),
        ("batch=8|16,batch_size=4|8", "twice"),
        ("depth=2..4", "built anew"),
    ],
)
def test_nonsense_is_explained(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_space(text, SETTINGS, {})
