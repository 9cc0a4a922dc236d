"""``fitwright reproduce`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from fitwright.cli.main import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path, tiny_model_dir: Path) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "model"
    options = ["--epochs", "1", "--precision", "fp32", "--max-length", "48"]
    assert run(["train", str(reviews_csv), "-m", str(tiny_model_dir), "-o", str(folder), *options]) == 0
    return folder


def test_the_same_bits_come_out(
    trained: Path, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "again"
    given = ["reproduce", str(trained), "--data", str(reviews_csv), "--output", str(kept), "--json"]
    assert run(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["identical"] is True
    assert (found["tensors"], found["different"], found["differences"]) == (73, [], [])
    assert (kept / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()


def test_what_differs_is_said(
    trained: Path, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    other = tmp_path / "model"
    shutil.copytree(trained, other)
    weights = load_file(other / "model.safetensors")
    weights["classifier.bias"] += 0.5
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    manifest = json.loads((other / "fitwright.json").read_text())
    manifest["provenance"]["versions"]["torch"] = "1.0"
    (other / "fitwright.json").write_text(json.dumps(manifest))
    assert run(["reproduce", str(other), "--data", str(reviews_csv)]) == 1
    out = capsys.readouterr().out
    assert "1 of 73 tensors differ, by up to 0.5" in out
    assert "torch  1.0 →" in out


def test_other_data_is_not_trained_on(
    trained: Path, reviews_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = reviews_csv.read_text(encoding="utf-8").splitlines()
    (tmp_path / "fewer.csv").write_text("\n".join(lines[:-1]), encoding="utf-8")
    assert run(["reproduce", str(trained), "--data", str(tmp_path / "fewer.csv")]) == 1
    assert "data fingerprint differs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["MODEL"], "--data"), (["BUNDLE", "--data", "x.csv"], "only what 'fitwright train' made")],
)
def test_what_cannot_be_reproduced(
    arguments: list[str], said: str, trained: Path, tiny_bundle: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    names = {"MODEL": str(trained), "BUNDLE": str(tiny_bundle)}
    assert run(["reproduce", *(names.get(a, a) for a in arguments)]) == 2
    assert said in capsys.readouterr().err
