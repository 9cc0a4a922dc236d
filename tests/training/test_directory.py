"""Whose folder it is: a result of fitwright may be replaced when asked, anything else never."""

from __future__ import annotations

from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.spec.manifest import Manifest
from fitwright.training.directory import is_finished


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["thesis", "thesis/chapter.tex"])
def test_what_fitwright_did_not_make_is_refused(tmp_path: Path, overwrite: bool, name: str) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    with pytest.raises(UsageError, match="did not make") as caught:
        is_finished(tmp_path / name, "key", overwrite=overwrite)
    assert "--overwrite" not in str(caught.value)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "precious"


def test_another_result_is_replaced_only_when_asked(tmp_path: Path) -> None:
    Manifest(kind="model", stage="train", task="text-classification", made_from={"key": "old"}).write(
        tmp_path
    )
    assert is_finished(tmp_path, "old", overwrite=False)
    assert not is_finished(tmp_path, "new", overwrite=True)
    with pytest.raises(UsageError, match="--overwrite"):
        is_finished(tmp_path, "new", overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_and_an_empty_folder_are_free(tmp_path: Path, overwrite: bool) -> None:
    assert not is_finished(tmp_path, "key", overwrite=overwrite)
    assert not is_finished(tmp_path / "none", "key", overwrite=overwrite)
