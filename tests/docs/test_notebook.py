"""The example notebook runs from first cell to last, on a tiny model and a few of the real reviews."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = 134


def quick(reviews_csv: Path, tiny_model_dir: Path, folder: Path) -> str:
    """Other values for the notebook's parameters. No timing decides whether the budget holds."""
    header, *lines = reviews_csv.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "reviews.csv").write_text("".join([header, *lines[::3]]), encoding="utf-8")
    return (
        f"DATA, OUTPUT = Path('reviews.csv'), Path('fit')\nMODELS = ({str(tiny_model_dir)!r},)\n"
        "BUDGET = 'size=0.5x,max-drop=100'\nEPOCHS, STUDENT_EPOCHS, THREADS = 1, 1, 1\n"
    )


def printed(notebook: nbformat.NotebookNode) -> str:
    """Everything that the cells wrote to stdout."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:jupyter_client")  # of the notebook's own tools
def test_the_notebook_runs(
    reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(EXAMPLES / "fit_a_classifier.ipynb", as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
    parameters.source += "\n" + quick(reviews_csv, tiny_model_dir, tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()

    said = printed(notebook)
    assert f"rows       {ROWS} " in said
    assert "all 4 layers, int8      chosen" in said
    assert "size ≤ 0.5x" in said
    assert "MISSED" not in said
    assert (tmp_path / "fit" / "bundle" / "engines" / "onnxruntime" / "model.onnx").is_file()
    assert (tmp_path / "fit" / "report.html").is_file()
    assert "fit/report.html" in said


def test_the_committed_notebook_shows_a_finished_run() -> None:
    notebook = nbformat.read(EXAMPLES / "fit_a_classifier.ipynb", as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if "print(" in cell.source and not cell.outputs] == []
    assert [output for cell in cells for output in cell.outputs if output.output_type == "error"] == []
