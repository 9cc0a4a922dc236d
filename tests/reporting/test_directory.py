import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.api.report import report
from fitwright.core.errors import UsageError
from fitwright.reporting.document import Report
from fitwright.spec import Manifest
from tests.reporting.reading import Page
from tests.reporting.sample import measured, predicted, sample_report


@pytest.fixture
def bundle(tmp_path) -> Path:
    folder = tmp_path / "bundle"
    sample_report().write(folder)
    return folder


@pytest.fixture
def model_dir(tmp_path) -> Path:
    folder = tmp_path / "my-model"
    folder.mkdir()
    records = (
        predicted("my-model", 0.009, 90e6, 240e6),
        measured("my-model", 0.0042, 45e6, 0.861, None, 310, engine="torch", threads=2),
    )
    Manifest(
        kind="model", stage="train", task="text-classification", labels=("negative", "positive"), seed=7,
        records=records, settings={"Epochs": 3},
        provenance={"command": "fitwright train reviews.csv", "made_at": "2026-01-02T03:04:05Z", "cores": 2},
    ).write(folder)  # fmt: skip
    return folder


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fitwright", "report", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_verb_writes_both_files_beside_what_it_reports(bundle) -> None:
    written = report(bundle)
    assert written.paths == (bundle / "report.html", bundle / "report.md")
    assert "4.3× faster" in Page((bundle / "report.html").read_text(encoding="utf-8")).text
    assert "4.3× faster" in (bundle / "report.md").read_text(encoding="utf-8")
    assert sorted(p.name for p in bundle.iterdir()) == ["report.html", "report.json", "report.md"]


def test_a_report_json_can_be_given_itself_and_written_elsewhere(bundle, tmp_path) -> None:
    written = report(bundle / "report.json", output=tmp_path / "new" / "place", format="markdown")
    assert written.paths == (tmp_path / "new" / "place" / "report.md",)
    assert not (bundle / "report.md").exists()


def test_a_model_directory_gives_a_smaller_report_from_its_records(model_dir) -> None:
    report(model_dir)
    page = Page((model_dir / "report.html").read_text(encoding="utf-8"))
    assert page.problems == []
    for shown in (
        "my-model",
        "86.1 %",
        "4.20 ms",
        "45.0 MB",
        "≈ 9.00 ms",
        "fitwright train reviews.csv",
        "Epochs",
    ):
        assert shown in page.text
    assert "Budget" not in page.text


def test_a_bundle_without_a_report_still_shows_before_and_after(tmp_path) -> None:
    records = (
        measured("teacher", 0.0132, 91e6, 0.8523, None, 101),
        measured("small", 0.0031, 19e6, 0.8463, 0.6, 468),
    )
    Manifest(kind="bundle", stage="fit", task="text-classification", records=records).write(tmp_path)
    written = report(tmp_path).report
    assert written.source is not None
    assert (written.source.subject, written.result.subject) == ("teacher", "small")
    assert "4.3× faster" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_model_directory_without_records_says_so(tmp_path) -> None:
    Manifest(kind="model", stage="train", task="text-classification").write(tmp_path)
    assert "nothing measured yet" in report(tmp_path).report.verdict.headline


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path / "absent", "no such folder"),
        (lambda path: path, "nothing to report"),
    ],
)
def test_nothing_to_report_is_one_clear_error(tmp_path, make, says) -> None:
    with pytest.raises(UsageError, match=says):
        report(make(tmp_path))


def test_an_output_that_is_a_file_is_refused(bundle, tmp_path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        report(bundle, output=tmp_path / "taken")


def test_an_unknown_format_is_refused(bundle) -> None:
    with pytest.raises(UsageError, match="html, markdown"):
        report(bundle, format="pdf")


def test_the_command_prints_the_paths_and_nothing_else(bundle) -> None:
    done = run(str(bundle), "--format", "html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{bundle / 'report.html'}\n"


def test_the_command_prints_json_alone(bundle) -> None:
    done = run(str(bundle), "--json")
    assert done.returncode == 0
    assert Report.from_json(json.loads(done.stdout)).title == "SAMPLE: reviews.csv"
    assert (bundle / "report.html").is_file()


@pytest.mark.parametrize("content", ["", "{", '{"schema": 99}', '"text"', "[]"])
def test_a_broken_report_is_one_line_and_exit_code_2(tmp_path, content) -> None:
    (tmp_path / "report.json").write_text(content)
    done = run(str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_the_command_needs_neither_torch_nor_numpy(bundle) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'numpy', 'transformers']));"
        "from fitwright.cli.main import run; raise SystemExit(run(['report', sys.argv[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
