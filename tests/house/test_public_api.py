"""What users may rely on: the verbs, their documentation, and the same names on the command line."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from typer.main import get_command

import fitwright
from fitwright.cli.app import application

ROOT = Path(__file__).parents[2]
VERBS = [name for name in fitwright.__all__ if name != "__version__"]
PYTHON_ONLY = {
    "lock_environment", "check_environment", "clear_ledger", "validate_profile", "study_best",
    "study_design", "study_fit", "study_predict", "study_report", "study_run",
}  # fmt: skip
"""As commands: ``environment lock`` and its ``--check``, ``ledger --clear``, ``profile --validate``,
``study fit`` and its like."""


def test_the_public_names() -> None:
    assert sorted(VERBS) == [
        "check_environment", "check_table", "clear_ledger", "compare", "compress", "doctor", "estimate",
        "evaluate", "export", "fit", "ledger", "lock_environment", "models", "predict", "profile",
        "recommend", "report", "reproduce", "serve", "study_best", "study_design", "study_fit",
        "study_predict", "study_report", "study_run", "train", "validate_profile",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_a_documented_typed_function(verb: str) -> None:
    function = getattr(fitwright, verb)
    assert callable(function)
    assert function.__doc__
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values())


def test_the_command_line_has_the_same_verbs() -> None:
    commands = set(get_command(application()).commands)  # type: ignore[attr-defined]
    assert commands >= {name.replace("_", "-") for name in set(VERBS) - PYTHON_ONLY}
    assert {"environment", "study"} <= commands


def all_commands() -> list[tuple[str, object]]:
    found = []
    for name, command in get_command(application()).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [(f"{name} {sub}", c) for sub, c in inner.items()] if inner else [(name, command)]
    return found


@pytest.mark.parametrize(
    ("name", "command"), all_commands(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_has_help_and_an_example(name: str, command: object) -> None:
    assert "Example" in (command.help or ""), f"fitwright {name}: its docstring shows no example"
    silent = [p.name for p in command.params if getattr(p, "param_type_name", "") == "option" and not p.help]
    assert silent == []


@pytest.mark.parametrize("name", sorted({name.split()[0] for name, _ in all_commands()}))
def test_every_verb_has_its_page_with_every_option(name: str) -> None:
    page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    command = get_command(application()).commands[name]  # type: ignore[attr-defined]
    commands = getattr(command, "commands", {name: command}).values()
    options = {o for c in commands for p in c.params for o in p.opts if o.startswith("--")} - {"--help"}
    missing = sorted(option for option in options if not re.search(rf"{option}\b", page))
    assert missing == [], f"docs/{name}.md does not mention them"


def test_the_version_is_the_package_version() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{fitwright.__version__}"' in text
