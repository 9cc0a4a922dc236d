"""Only the tracer imports torch, and only when something is traced."""

import subprocess
import sys
from pathlib import Path

import fitwright.sizing

BLOCKED = """
import importlib, sys
for name in ("torch", "transformers", "numpy", "onnx", "onnxruntime"):
    sys.modules[name] = None
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
ROOT = Path(fitwright.sizing.__file__).parent


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(("fitwright", *parts)).removesuffix(".__init__")
        if not name.startswith("fitwright.sizing.tracing."):
            yield name


def test_every_other_module_is_imported_without_torch():
    names = list(modules())
    assert "fitwright.sizing.trace.obtain" in names
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
