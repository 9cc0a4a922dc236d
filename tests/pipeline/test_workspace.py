"""The workspace remembers what is done, refuses what is not its own, and makes again what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.pipeline.workspace import Workspace

IDENTITY = {"settings": {"seed": 0}, "data": "abc"}


class Stages:
    """Runs the three stages of a small pipeline, each making one file, and counts what was made."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, list[str]()

    def run(self, stop_at: str = "") -> dict[str, Any]:
        space = Workspace(self.folder, Silent())
        space.claim(IDENTITY, overwrite=False)
        self.space = space
        return {name: self._stage(space, name, stop_at) for name in ("train", "shrink", "bundle")}

    def _stage(self, space: Workspace, name: str, stop_at: str) -> Any:
        def make() -> dict[str, Any]:
            if name == stop_at:
                raise KeyboardInterrupt
            self.made.append(name)
            (self.folder / name).mkdir(exist_ok=True)
            return {"folder": name}

        return space.stage(name, make, keeps=lambda result: [self.folder / result["folder"]])


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return Stages(tmp_path / "work")


def test_a_second_run_makes_nothing(stages: Stages) -> None:
    first = stages.run()
    assert stages.made == ["train", "shrink", "bundle"]
    assert stages.run() == first
    assert stages.made == ["train", "shrink", "bundle"]
    assert all(t.resumed for t in stages.space.times)


def test_an_interrupted_run_goes_on_in_its_stage(stages: Stages) -> None:
    with pytest.raises(KeyboardInterrupt):
        stages.run(stop_at="shrink")
    assert stages.made == ["train"]
    stages.run()
    assert stages.made == ["train", "shrink", "bundle"]
    assert [t.resumed for t in stages.space.times] == [True, False, False]


@pytest.mark.parametrize(
    ("lost", "again"),
    [("train", ["train", "shrink", "bundle"]), ("shrink", ["shrink", "bundle"]), ("bundle", ["bundle"])],
)
def test_what_was_deleted_is_made_again_with_all_that_came_of_it(
    stages: Stages, lost: str, again: list[str]
) -> None:
    stages.run()
    (stages.folder / lost).rmdir()
    stages.made.clear()
    stages.run()
    assert stages.made == again


def test_interrupted_while_making_again_nothing_stale_is_believed(stages: Stages) -> None:
    stages.run()
    (stages.folder / "train").rmdir()
    with pytest.raises(KeyboardInterrupt):
        stages.run(stop_at="shrink")
    stages.made.clear()
    stages.run()
    assert stages.made == ["shrink", "bundle"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"seconds": 1}', "\x00"])
def test_a_damaged_stage_file_is_one_line_that_says_what_to_do(stages: Stages, content: str) -> None:
    stages.run()
    (stages.folder / "stages" / "shrink.json").write_text(content)
    with pytest.raises(UsageError, match=r"shrink.*Delete") as caught:
        stages.run()
    assert "\n" not in str(caught.value)
    (stages.folder / "stages" / "shrink.json").unlink()
    stages.made.clear()
    stages.run()
    assert stages.made == ["shrink", "bundle"]


@pytest.mark.parametrize("content", ["", "[]", "3", '{"settings": 1}'])
def test_a_damaged_marker_is_one_line(stages: Stages, content: str) -> None:
    stages.run()
    (stages.folder / "fit.json").write_text(content)
    with pytest.raises(UsageError, match=r"fit\.json|holds a fit with other") as caught:
        stages.run()
    assert "\n" not in str(caught.value)


def test_other_settings_or_data_are_refused_and_named(stages: Stages) -> None:
    stages.run()
    for change, says in (({"settings": {"seed": 1}}, "other settings"), ({"data": "x"}, "other data")):
        with pytest.raises(UsageError, match=f"{says}.*--overwrite"):
            Workspace(stages.folder, Silent()).claim({**IDENTITY, **change}, overwrite=False)
    assert stages.run()
    assert stages.made == ["train", "shrink", "bundle"]


def test_overwriting_gives_up_all_that_was_made_of_the_old_settings(stages: Stages) -> None:
    stages.run()
    left = stages.folder / "candidates" / "layers-4-int8"
    left.mkdir(parents=True)
    (left / "measured.json").write_text("{}")
    Workspace(stages.folder, Silent()).claim({**IDENTITY, "data": "x"}, overwrite=True)
    assert not (stages.folder / "candidates").exists()
    assert not list((stages.folder / "stages").glob("*"))


def test_where_nothing_is_trained_yet_other_settings_just_take_over(stages: Stages) -> None:
    """A mistyped model leaves a workspace with a profile in it; the corrected command must not be refused."""
    space = Workspace(stages.folder, Silent())
    space.claim(IDENTITY, overwrite=False)
    space.stage("profile", dict)
    Workspace(stages.folder, Silent()).claim({**IDENTITY, "settings": {"seed": 1}}, overwrite=False)
    assert not list((stages.folder / "stages").glob("*"))


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, overwrite: bool) -> None:
    """Names that a workspace uses too are no sign that the folder is one."""
    precious = [tmp_path / name / "thesis.tex" for name in ("stages", "candidates", "bundle")]
    for file in precious:
        file.parent.mkdir()
        file.write_text("precious")
    with pytest.raises(UsageError, match="holds something else"):
        Workspace(tmp_path, Silent()).claim(IDENTITY, overwrite=overwrite)
    assert all(file.read_text() == "precious" for file in precious)
    assert not (tmp_path / "fit.json").exists()
