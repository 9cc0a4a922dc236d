"""One real export for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.exporting.onnx import ExportResult, export_onnx


@pytest.fixture(scope="session")
def exported(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """The lively tiny model, exported."""
    return export_onnx(tiny_bundle, tmp_path_factory.mktemp("export") / "new" / "model.onnx")
