"""What importing costs and what it may pull in."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "fitwright"
HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "onnxruntime",
    "onnx",
    "pandas",
    "pyarrow",
    "fastapi",
    "tokenizers",
}
MODULES = sorted(SOURCE.rglob("*.py"))


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after ``statement``."""
    code = f"{statement}\nimport sys, json; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def imports(path: Path, *, at_top: bool) -> set[str]:
    """Top-level names of the modules that a file imports; ``at_top``: only those run when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
            elif at_top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            elif at_top and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                todo += node.orelse
                continue
            todo.append(node)
    return found


def test_import_fitwright_brings_nothing_but_the_standard_library() -> None:
    brought = modules_after("import fitwright") - modules_after("")
    assert brought - sys.stdlib_module_names == {"fitwright"}


def test_the_command_line_starts_without_heavy_packages() -> None:
    assert not modules_after("import fitwright.cli.app") & HEAVY


def test_every_python_verb_can_be_imported_without_heavy_packages() -> None:
    statement = "import fitwright\nfor verb in dir(fitwright): getattr(fitwright, verb)"
    assert not modules_after(statement) & HEAVY


@pytest.mark.parametrize("package", ["core", "spec"])
def test_the_ground_floors_use_the_standard_library_alone(package: str) -> None:
    used = set().union(*(imports(path, at_top=False) for path in (SOURCE / package).rglob("*.py")))
    assert used - sys.stdlib_module_names <= {"fitwright"}


@pytest.mark.parametrize(
    "path", [p for p in MODULES if "cli" in p.parts or "api" in p.parts], ids=lambda p: p.stem
)
def test_verb_files_import_only_light_modules_at_their_top(path: Path) -> None:
    assert imports(path, at_top=True) - sys.stdlib_module_names <= {"fitwright", "typer", "click"}
