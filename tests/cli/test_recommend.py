import json

import pytest
import typer

from fitwright.cli.recommend import recommend
from fitwright.core.errors import UsageError

FIXED = ("--device", "a100-80gb")


def answer(capsys, *arguments, code=0):
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(recommend)
    result = app([*arguments], standalone_mode=False)
    assert (result or 0) == code
    return capsys.readouterr().out


def test_a_person_reads_the_front_its_reasons_and_what_was_rejected(capsys):
    text = answer(
        capsys, "--task", "text-classification", "--language", "en", "--licence", "permissive", *FIXED,
        "--budget", "latency-p95=2ms,size=300MB", "--top", "1",
    )  # fmt: skip
    assert text.startswith("text-classification, en: 1 row of 128 tokens on NVIDIA A100")
    assert "runs with PyTorch, bf16" in text
    assert "quality: accuracy on MultiNLI, matched; published for 28 of the" in text
    table = text.split("\n\n")[1].splitlines()
    assert len(table) == 3
    assert "MNLI" in table[0]
    assert "the best published figure" in text
    assert "more on the front: --top" in text
    assert "Rejected: " in text
    assert "size 3" in text
    assert "that miss by more" in text
    assert "~ estimated, not measured" in text


def test_json_stands_alone_and_is_whole(capsys):
    found = json.loads(
        answer(capsys, "--task", "embeddings", "--language", "zh", *FIXED, "--top", "1", "--json")
    )
    assert found["task"] == "sentence-similarity"
    assert found["benchmark"]["id"] == "c-mteb"
    assert len(found["recommended"]) > 1
    kept = sum(len(found[name]) for name in ("recommended", "beaten", "unknown_quality", "unpriced"))
    assert kept + len(found["rejected"]) == 330
    assert found["runtimes"][0]["engine"] == "torch"


def test_nothing_that_fits_is_exit_code_1_with_a_way_back(capsys):
    text = answer(
        capsys, "--task", "classification", "--language", "zh", *FIXED, "--budget", "size=1MB", code=1
    )
    assert "No model may fit. uer/chinese_roberta_L-2_H-128 misses least:" in text
    assert "relax size from 1.00 MB to 6.41 MB" in text


def test_images_have_no_tokens_and_prices_have_a_column(capsys):
    text = answer(
        capsys, "--task", "image-classification", *FIXED, "--batch", "8", "--price-per-hour", "2",
        "--train-batch", "8",
    )  # fmt: skip
    assert text.startswith("image-classification: 8 images on")
    assert "USD/1M rows" in text
    assert "Training" in text


def test_a_task_without_figures_says_so(capsys):
    text = answer(capsys, "--task", "translation", "--language", "de", *FIXED)
    assert "no figure was read for this task and language, so the order is by cost alone" in text
    assert "Some are multilingual" in text


def test_figures_of_another_split_are_named(capsys):
    text = answer(capsys, "--task", "classification", "--language", "en", *FIXED)
    assert "All figures are of the dev set but: google/bert_uncased_L-" in text


def test_a_mistake_is_a_usage_error(capsys):
    with pytest.raises(UsageError, match="a100"):
        answer(capsys, "--task", "ner", "--device", "a100")
    with pytest.raises(UsageError, match=r"bf16.*--train-batch"):
        answer(capsys, "--task", "ner", *FIXED, "--train-precision", "bf16")
    with pytest.raises(UsageError, match="juggling"):
        answer(capsys, "--task", "juggling", *FIXED)


def test_what_no_estimate_can_hold_is_said(capsys):
    text = answer(capsys, "--task", "translation", *FIXED, "--budget", "max-drop=1,memory=8GB", "--top", "1")
    assert "max-drop was not looked at" in text
    assert "max-drop" not in answer(capsys, "--task", "translation", *FIXED, "--top", "1")


def test_rows_are_no_longer_than_the_model_takes(capsys):
    text = answer(capsys, "--task", "zero-shot-image-classification", *FIXED)
    assert "openai/clip-vit-large-patch14" in text
    assert "Some take fewer than 128 tokens: they are priced at their maximum." in text
    text = answer(capsys, "--task", "zero-shot-image-classification", *FIXED, "--seq", "78", code=1)
    assert "openai/clip-vit-base-patch32: takes at most 77 tokens, 78 asked" in text


def test_the_tables_fit_the_terminal_and_what_the_budget_names_stays(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    asked = ("--task", "classification", "--language", "zh", "--device", "t4", "--price-per-hour", "1")
    for budget in ("latency-p95=1ms", "latency-p95=1ms,size=1GB"):
        text = answer(capsys, *asked, "--budget", budget)
        tables = [block.splitlines() for block in text.split("\n\n") if "───" in block]
        assert len(tables) == 2
        for table in tables:
            assert "may miss latency-p95" in "".join(table)
            assert max(map(len, table)) <= 100
            assert ("Size" in table[0]) == ("size" in budget)
        assert "Left out to fit 100 columns: Params" in text
