"""One tree of errors, each one line with its exit code; progress and provenance."""

from __future__ import annotations

import json

import pytest

from fitwright.core import errors, provenance
from fitwright.core.optional import require
from fitwright.core.progress import Silent


def test_exit_codes() -> None:
    codes = {
        errors.UsageError("x"): 2, errors.DataError("x"): 2, errors.UnknownModelError("x"): 2,
        errors.MissingExtraError("torch", "train"): 2, errors.CheckError("x"): 1, errors.RunError("x"): 3,
        errors.FitwrightError("x"): 3,
    }  # fmt: skip
    for error, code in codes.items():
        assert error.exit_code == code
        assert isinstance(error, errors.FitwrightError)


def test_a_message_says_what_got_allowed_and_mend() -> None:
    error = errors.UsageError("wrong thing.", got="a", allowed="b, c", mend="Do that.")
    assert str(error) == "wrong thing; got 'a'; allowed: b, c. Do that."
    assert str(errors.UsageError("wrong", got="two\nlines")).count("\n") == 0


def test_an_unknown_model_suggests() -> None:
    assert "Did you mean bert-base, bert-large?" in str(
        errors.UnknownModelError("brt-base", ["bert-base", "bert-large"])
    )
    assert "fitwright models" in str(errors.UnknownModelError("x"))


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'fitwright\[serve\]'"):
        require("onnxruntime")
    assert require("json.decoder").__name__ == "json.decoder"


def test_provenance_rebuilds_and_names_nobody() -> None:
    import getpass

    captured = provenance.capture("fitwright fit x", "2026-01-01T00:00:00+00:00").as_json()
    assert captured["command"] == "fitwright fit x"
    assert captured["cores"] >= 1
    assert captured["versions"]["torch"].startswith("2.")
    assert "fitwright" in captured["versions"]
    shown = json.dumps({**captured, "command": ""})
    assert captured["processor"] in shown
    assert f'"{getpass.getuser()}"' not in shown


def test_silence_is_a_progress() -> None:
    silent = Silent()
    with silent.task("x", 3) as task:
        task.advance(1, note="y")
    silent.say("z")
