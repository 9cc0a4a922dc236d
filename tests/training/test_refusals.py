"""What cannot be trained as asked is said in one line, before anything is trained."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from fitwright.api.train import train
from fitwright.core.errors import UsageError
from fitwright.data.kinds.embedding_pairs import load_embedding_pairs
from fitwright.modeling.classifier import copy_tokenizer
from fitwright.modeling.language_model import load_language_model
from fitwright.training.settings import TrainSettings
from fitwright.training.sweep.space import parse_space


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1), ("seed", 2**32), ("batch_growth", math.inf), ("learning_rate", math.nan),
        ("learning_rate", math.inf), ("weight_decay", -1.0), ("weight_decay", math.nan),
        ("l2_to_start", math.nan), ("checkpoint_s", -1.0), ("checkpoint_s", math.nan),
    ],
)  # fmt: skip
def test_settings_that_no_run_can_have(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        TrainSettings(**{name: value})


def test_a_batch_that_grows_without_end_stays_a_number() -> None:
    from fitwright.training.schedule import batch_of_epoch

    assert batch_of_epoch(9, 32, TrainSettings(batch_growth=1e200)) == 2**53


def test_a_folder_without_a_tokenizer_gets_none_made_up(tiny_model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    shutil.copy(tiny_model_dir / "config.json", tmp_path / "bare")
    with pytest.raises(UsageError, match="no tokenizer"):
        copy_tokenizer(tmp_path / "bare", tmp_path)


def test_what_reads_both_ways_is_not_taught_to_write(tiny_model_dir: Path) -> None:
    with pytest.raises(UsageError, match=r"both ways.*is_decoder"):
        load_language_model(tiny_model_dir, "causal")


def test_a_body_of_another_shape_is_not_drawn_anew(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(tiny_model_dir, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 24}))
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_language_model(folder, "masked")


@pytest.mark.parametrize("given", [{"sweep": "default"}, {"engine": "ray"}])
def test_a_proof_of_resume_goes_with_nothing_else(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="verify-resume"):
        train("unread.csv", model="unread", output=tmp_path / "out", verify_resume=True, **given)


def test_a_sweep_changes_what_steps_are_cut_by() -> None:
    settings = TrainSettings(batch_tokens=600)
    assert {p.name for p in parse_space("default", settings, {})} >= {"batch_tokens"}
    with pytest.raises(UsageError, match="batch_tokens"):
        parse_space("batch=8|16", settings, {})


def test_a_record_of_embedding_data_reads_the_same_rows_again(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"anchor": f"a{i}", "positive": "b", "negative_1": "c", "negative_2": f"d{i}"} for i in range(3)]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    first, source = load_embedding_pairs(path)
    again, _ = load_embedding_pairs(path, columns=source.columns)
    assert again.fingerprint == first.fingerprint
    assert first.negatives is not None
    assert first.negatives[0] == ("c", "d0")
    scored = tmp_path / "scored.jsonl"
    scored.write_text("\n".join(json.dumps({"anchor": "a", "positive": "b", "score": i}) for i in range(3)))
    first, source = load_embedding_pairs(scored, columns={"score": ""})
    again, _ = load_embedding_pairs(scored, columns=source.columns)
    assert (first.form, again.form) == ("pairs", "pairs")
