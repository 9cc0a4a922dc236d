"""The workshop that every page of the documentation finds itself in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHOWN = ("docs", "examples", "scripts")


def fitwright(*arguments: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fitwright", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"fitwright {' '.join(arguments)}\n{done.stderr}"


@pytest.fixture(scope="session")
def workshop(
    tmp_path_factory: pytest.TempPathFactory, reviews_csv: Path, tiny_model_dir: Path, encoder_dir: Path
) -> Path:
    """What the pages may use without making it: 400 real reviews, a real encoder, a small trained classifier
    and the bundle made of it.
    """
    folder = tmp_path_factory.mktemp("workshop")
    shutil.copy(reviews_csv, folder / "reviews.csv")
    (folder / "encoder").symlink_to(encoder_dir)
    (folder / "tiny").symlink_to(tiny_model_dir)
    fitwright("train", "reviews.csv", "--model", "tiny", "--output", "model", "--epochs", "1", folder=folder)
    fitwright("export", "model", "--output", "bundle", folder=folder)
    return folder


@pytest.fixture(scope="session")
def page_folder(workshop: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A page's own copy of the workshop: its snippets run there one after the other."""
    made: dict[str, Path] = {}

    def of(page: str) -> Path:
        if page not in made:
            folder = tmp_path_factory.mktemp(Path(page).stem) / "here"
            shutil.copytree(workshop, folder, symlinks=True)
            for name in SHOWN:
                (folder / name).symlink_to(ROOT / name)
            made[page] = folder
        return made[page]

    return of
