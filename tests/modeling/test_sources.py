"""From a name to a folder with weights, on a machine that cannot reach the Hub."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fitwright.core.errors import RunError, UnknownModelError, UsageError
from fitwright.modeling.classifier import load_classifier
from fitwright.modeling.sources import cached_folder, resolve_source


@pytest.fixture
def broken(tmp_path: Path, tiny_model_dir: Path) -> Path:
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "broken"))


@pytest.mark.parametrize("name", ["./absent", "/no/such/folder", "~/no-such-folder-here"])
def test_a_path_that_is_not_there(name: str) -> None:
    with pytest.raises(UnknownModelError, match="There is no such folder"):
        resolve_source(name)


def test_a_misspelt_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"Did you mean .*distilbert"):
        resolve_source("distilbert-bse")
    with pytest.raises(UnknownModelError, match="fitwright models"):
        resolve_source("qqqqqqqq")


@pytest.mark.parametrize("name", ["distilbert-base", "some-one/some-model-that-is-nowhere"])
def test_the_hub_cannot_be_reached(name: str) -> None:
    with pytest.raises(RunError, match="are not on this machine and the Hub cannot be reached") as caught:
        resolve_source(name)
    assert "--model" in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="Allow downloads"):
        resolve_source(name, allow_download=False)


def test_a_file_is_no_folder(tiny_model_dir: Path) -> None:
    with pytest.raises(UsageError, match="must be a folder, not a file"):
        resolve_source(str(tiny_model_dir / "config.json"))


def test_weights_that_are_only_pickled(broken: Path) -> None:
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    with pytest.raises(UsageError, match="no safetensors weights"):
        resolve_source(str(broken))


def test_the_hubs_cache_is_enough(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--distilbert--distilbert-base-uncased"
    shutil.copytree(tiny_model_dir, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    folder = cached_folder("distilbert/distilbert-base-uncased")
    assert folder == repository / "snapshots" / commit
    assert resolve_source("distilbert-base-uncased") == folder
    (folder / "model.safetensors").unlink()
    assert cached_folder("distilbert/distilbert-base-uncased") is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b"{}"),
        ("config.json", b'{"model_type": "no-such-architecture"}'),
        ("model.safetensors", b""),
        ("model.safetensors", b"\xff" * 100),
        ("model.safetensors", None),
    ],
)
def test_damaged_files_are_one_line(broken: Path, file: str, content: bytes | None) -> None:
    if content is None:
        whole = (broken / file).read_bytes()
        content = whole[: len(whole) // 2]
    (broken / file).write_bytes(content)
    with pytest.raises(UsageError, match="cannot be loaded as a classifier") as caught:
        load_classifier(broken, ("a", "b"))
    assert "\n" not in str(caught.value)
    assert "broken" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "says"), [(28, "the disk is full"), (30, "the file system is read-only"), (27, "too large")]
)
def test_weights_that_cannot_be_written_are_one_line(tmp_path: Path, number: int, says: str) -> None:
    from safetensors import SafetensorError

    from fitwright.modeling.weights import plain_weight_errors

    with pytest.raises(RunError, match=f"cannot write .*: .*{says}"), plain_weight_errors(tmp_path):
        raise SafetensorError(f"Error while serializing: I/O error:\nFile too large (os error {number})")
