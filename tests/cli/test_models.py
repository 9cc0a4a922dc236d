import json

import pytest

from fitwright.cli.main import run


def rows(capsys, *arguments):
    assert run(["models", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_sizes_are_bounded_on_both_sides(capsys):
    found = rows(capsys, "--min-params", "20M", "--max-params", "30M")
    assert found
    assert all(20_000_000 <= row["parameters"]["total"] <= 30_000_000 for row in found)
    assert len(found) < len(rows(capsys, "--max-params", "30M"))


def test_sequence(capsys):
    found = rows(capsys, "--kind", "encoder", "--min-seq", "4096")
    assert {"answerdotai/ModernBERT-base", "allenai/longformer-base-4096"} <= {row["id"] for row in found}
    assert all(row["max_sequence_length"] >= 4096 for row in found)
    kinds = {row["kind"] for row in rows(capsys, "--min-seq", "1000000")}
    assert kinds <= {"rnn", "decoder", "encoder-decoder"}
    assert "rnn" in kinds  # no limit at all


def test_a_group_of_licences_and_an_everyday_task(capsys):
    found = rows(capsys, "--task", "ner", "--licence", "permissive", "--language", "en")
    assert found
    for row in found:
        assert row["licence"] in ("apache-2.0", "mit", "bsd")
        assert "token-classification" in row["tasks"]
    assert {row["licence"] for row in rows(capsys, "--licence", "gemma")} == {"Gemma Terms of Use"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--min-params", "2M", "--max-params", "1M"], "above the most"),
        (["--min-params", "few"], "few"),
        (["--min-seq", "0"], "at least one token"),
        (["--licence", "beerware"], "permissive, apache-2.0"),
    ],
)
def test_filters_that_contradict_are_refused(capsys, arguments, said):
    assert run(["models", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_empty_list_says_so(capsys):
    assert run(["models", "--search", "no such model"]) == 0
    assert capsys.readouterr().out == "No model passes all of these filters.\n"
    assert rows(capsys, "--search", "no such model") == []
