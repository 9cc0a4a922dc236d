import pytest

from fitwright.catalog import names
from fitwright.core.errors import UnknownModelError, UsageError


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("bert-base", "google-bert/bert-base-uncased"),
        ("BERT-Large", "google-bert/bert-large-uncased"),
        ("roberta-base", "FacebookAI/roberta-base"),
        ("deberta-v3-large", "microsoft/deberta-v3-large"),
        ("t5-small", "google-t5/t5-small"),
        ("gpt2", "openai-community/gpt2"),
        ("gpt2-medium", "openai-community/gpt2-medium"),
        ("distilbert-base", "distilbert/distilbert-base-uncased"),
        ("facebookai/ROBERTA-base", "FacebookAI/roberta-base"),
        ("all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        ("bert-tiny", "google/bert_uncased_L-2_H-128_A-2"),
    ],
)
def test_a_name_finds_its_model(name, model_id):
    assert names.find(name).id == model_id


def test_an_ambiguous_name_lists_the_ids():
    with pytest.raises(UsageError, match="ambiguous") as caught:
        names.find("deberta-v3")
    for size in ("xsmall", "small", "base", "large"):
        assert f"microsoft/deberta-v3-{size}" in str(caught.value)


def test_an_unknown_name_brings_near_ones():
    with pytest.raises(UnknownModelError) as caught:
        names.find("roberta-bsae")
    assert "roberta-base" in caught.value.near
    with pytest.raises(UnknownModelError, match="fitwright models"):
        names.find("zzzz")


def test_a_longer_name_is_never_guessed_from_a_shorter_one():
    with pytest.raises(UnknownModelError):
        names.find("deberta-v2")


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_name_is_refused(name):
    with pytest.raises(UsageError, match="empty"):
        names.find(name)


def test_a_folder_is_found_by_its_path(tiny_model_dir):
    assert names.find(str(tiny_model_dir)).weights == str(tiny_model_dir)
    with pytest.raises(UsageError, match="model directory not found"):
        names.find("./no-such-folder")
