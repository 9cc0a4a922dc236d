from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.core.files import sha256_file
from fitwright.core.progress import Progress
from fitwright.engines.classifier import TextClassifier
from fitwright.exporting import bundle as bundle_module
from fitwright.exporting.bundle import export_model
from fitwright.exporting.onnx import ExportResult
from fitwright.spec.manifest import Manifest


@pytest.fixture
def without_tracing(exported: ExportResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """The export of the session again, instead of seconds of tracing."""

    def again(model_dir: Path, output: Path, *, tolerance: float, progress: Progress) -> ExportResult:
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(exported.path, output)
        return exported

    monkeypatch.setattr(bundle_module, "export_onnx", again)


@pytest.mark.usefixtures("without_tracing")
def test_the_bundle_serves_alone_and_answers_like_its_source(
    tiny_bundle: Path, tmp_path: Path, sentences: list[tuple[str, str]]
) -> None:
    result = export_model(tiny_bundle, tmp_path / "bundle", command="test")
    texts = [text for text, _ in sentences[:5]]
    source = TextClassifier.load(tiny_bundle, engine="torch")
    served = TextClassifier.load(result.directory)
    assert served.engine.name == "onnxruntime"
    assert served.labels == ("negative", "positive")
    assert abs(served.predict(texts) - source.predict(texts)).max() < 1e-4
    assert not list(result.directory.glob("*.safetensors"))
    assert (result.size_bytes, result.precision) == (result.engine_file.stat().st_size, "fp32")


@pytest.mark.usefixtures("without_tracing")
def test_the_manifest_names_the_engine_and_the_source(tiny_bundle: Path, tmp_path: Path) -> None:
    result = export_model(
        tiny_bundle, tmp_path / "bundle", command="test", made_at="2030-01-01T00:00:00+00:00"
    )
    manifest = Manifest.read(result.directory)
    assert (manifest.kind, manifest.stage, manifest.default_engine) == ("bundle", "export", "onnxruntime")
    assert manifest.engines["onnxruntime"] == {
        "path": "engines/onnxruntime/model.onnx", "precision": "fp32",
        "sha256": sha256_file(result.engine_file),
    }  # fmt: skip
    assert manifest.max_length == 64
    assert manifest.made_from["sha256"] == sha256_file(tiny_bundle / "model.safetensors")
    assert manifest.provenance["command"] == "test"


@pytest.mark.usefixtures("without_tracing")
def test_a_failed_quantisation_leaves_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    def fail(source: Path, output: Path) -> None:
        raise RunError("no")

    with pytest.raises(RunError):
        export_model(tiny_bundle, tmp_path / "bundle", precision="int8", quantize=fail)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_that_holds_something_is_kept(tiny_bundle: Path, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="already holds something"):
        export_model(tiny_bundle, tmp_path, overwrite=overwrite)
    with pytest.raises(UsageError, match="made of"):
        export_model(tiny_bundle, tiny_bundle, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_wrong_precision_is_a_usage_error(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="precision"):
        export_model(tiny_bundle, tmp_path / "bundle", precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="quantiser"):
        export_model(tiny_bundle, tmp_path / "bundle", precision="int8")
