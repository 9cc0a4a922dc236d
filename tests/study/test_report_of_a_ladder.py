"""A study folder whose losses follow a known law: what is fitted, predicted, reported and handed on."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import fitwright
from fitwright.core.errors import DataError, UsageError
from fitwright.scaling.design import grid
from fitwright.scaling.design.families import family_of
from fitwright.scaling.design.plan import FIT, TARGET, Cell, Plan
from fitwright.scaling.design.shapes import parse_shapes
from fitwright.study.ladder_runs import read_ladder, verdicts
from fitwright.study.table import COLUMNS

VOCABULARY, BLOCK, TOKENS = 1024, 128, 4e6
GPT2 = family_of("gpt2")


def loss(size: float, tokens: float) -> float:
    """Chinchilla's form, with numbers that such small models have."""
    return 2.0 + 80 / size**0.35 + 60 / tokens**0.3


def cell_of(point: grid.Point) -> Cell:
    shape = point.shape
    size = GPT2.total(shape, VOCABULARY, BLOCK)
    unique = grid.whole_blocks(point, TOKENS, BLOCK) * BLOCK
    return Cell(
        name=f"w{shape.width}-u{unique}-e{point.epochs}", shape=shape, parameters=size,
        non_embedding=size - VOCABULARY * shape.width, unique_tokens=unique, epochs=point.epochs,
        batch_blocks=8, learning_rate=1e-3, flops=6.0 * size * unique * point.epochs, seconds=1.0,
        memory_bytes=1, role=point.role,
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    points = grid.points_of(parse_shapes("tiny"), lambda s: GPT2.flops_per_token(s, VOCABULARY, BLOCK))
    plan = Plan(
        family="gpt2", vocabulary=VOCABULARY, block=BLOCK, seed=0, corpus={}, budget={}, rules={},
        speed={"workers": 2}, cells=tuple(cell_of(point) for point in points),
    )  # fmt: skip
    plan.write(folder)
    assert Plan.read(folder) == plan
    with (folder / "runs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(row(cell) for cell in plan.cells)
    return folder


def row(cell: Cell) -> dict[str, object]:
    """Without harm from repeats."""
    end = loss(cell.parameters, cell.tokens)
    curve = [end + 0.1 * (cell.epochs - epoch) for epoch in range(1, cell.epochs + 1)]
    return {
        **dict.fromkeys(COLUMNS, ""), "cell": cell.name, "role": cell.role, "params": cell.parameters,
        "tokens": cell.tokens, "unique_tokens": cell.unique_tokens, "epochs": cell.epochs,
        "flops": cell.flops, "loss": end, "heldout_losses": " ".join(map(str, curve)),
        "train_losses": " ".join(str(value - 0.5) for value in curve), "recall": 0.25,
        "heldout_recall": 0.0,
    }  # fmt: skip


def test_the_law_is_fitted_without_the_largest_run_and_foretells_it(study: Path) -> None:
    found = fitwright.study_fit(study, law="chinchilla", bootstraps=0)
    runs = read_ladder(study)
    assert len(found.runs) == sum(run.role == FIT for run in runs)
    assert found.runs.size_kind == "total"
    assert found.parameters["E"] == pytest.approx(2.0, abs=0.02)
    ((run, told),) = verdicts(found, runs)
    assert run.role == TARGET
    assert told.loss == pytest.approx(run.loss, rel=0.002)
    assert json.loads((study / "fit.json").read_text(encoding="utf-8"))["law"] == "chinchilla"


def test_the_report_shows_the_test_and_what_was_memorised(study: Path) -> None:
    written = fitwright.study_report(study)
    for page in written.paths:
        text = page.read_text(encoding="utf-8")
        for words in (
            "The largest run, predicted", "What was memorised", "25.0%", "Held-out loss at equal epochs",
        ):  # fmt: skip
            assert words in text
        assert "NaN" not in text


def test_the_recommended_size_is_handed_to_train_as_a_configuration(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    best = fitwright.study_best(study, flops=1e13, within=0.05, config=path)
    config = json.loads(path.read_text(encoding="utf-8"))
    assert config["model_type"] == "gpt2"
    shape = parse_shapes(f"{config['n_embd']}/{config['n_head']}/{config['n_layer']}")[0]
    assert GPT2.total(shape, VOCABULARY, BLOCK) == pytest.approx(best.size, rel=0.5)
    with pytest.raises(UsageError, match="only a study folder knows the family"):
        fitwright.study_best(study / "fit.json", flops=1e13, config=path)


def test_a_study_without_runs_says_so(study: Path, tmp_path: Path) -> None:
    Plan.read(study).write(tmp_path)
    with pytest.raises(DataError, match="no runs yet"):
        fitwright.study_fit(tmp_path)
