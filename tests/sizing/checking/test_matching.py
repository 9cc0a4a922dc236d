import pytest

from fitwright.catalog import store
from fitwright.sizing.checking.matching import Match, NoMatch, match
from fitwright.sizing.checking.stated import read_number


def row(**figures):
    return [(field, read_number(text)) for field, text in figures.items()]


SHAPE_24 = row(layers="24", hidden="1024", heads="16")


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("BERT-Base", "google-bert/bert-base-uncased"),
        ("BERT BASE", "google-bert/bert-base-uncased"),
        ("bert_base", "google-bert/bert-base-uncased"),
        ("BERTbase", "google-bert/bert-base-uncased"),
        ("BERT-Base, Uncased", "google-bert/bert-base-uncased"),
        ("BERT-base (ours)", "google-bert/bert-base-uncased"),
        ("BERT-Base-Chinese", "google-bert/bert-base-chinese"),
        ("BERT-base 中文", "google-bert/bert-base-chinese"),
        ("GPT2-small", "openai-community/gpt2"),
        ("GPT-2 (medium)", "openai-community/gpt2-medium"),
        ("DeBERTaV3-large", "microsoft/deberta-v3-large"),
        ("DeBERTa-large-v3", "microsoft/deberta-v3-large"),
        ("T5 v1.1 Small", "google/t5-v1_1-small"),
        ("t5-v1_1-small", "google/t5-v1_1-small"),
        ("LLaMA-2-7B", "meta-llama/Llama-2-7b-hf"),
        ("facebook/bart-base", "facebook/bart-base"),
        ("someone/bert-base-uncased", "google-bert/bert-base-uncased"),
        ("XLM-R Large", "FacebookAI/xlm-roberta-large"),
        ("DeBERTa v3 x-small", "microsoft/deberta-v3-xsmall"),
        ("openai-community/gpt2", "openai-community/gpt2"),
    ],
)
def test_names_as_people_write_them(name, model_id):
    found = match(name)
    assert isinstance(found, Match)
    assert found.spec.id == model_id


@pytest.mark.parametrize(
    ("name", "evidence", "model_id"),
    [
        ("DeBERTa-v3", SHAPE_24, "microsoft/deberta-v3-large"),
        ("DeBERTa-v3", row(layers="6", hidden="768"), "microsoft/deberta-v3-small"),
        ("BERT", SHAPE_24, "google-bert/bert-large-uncased"),
        ("BERT", row(layers="12", hidden="768", vocab="21128"), "google-bert/bert-base-chinese"),
        ("BERT", row(parameters="110M"), "google-bert/bert-base-uncased"),
        ("T5", row(layers="12", hidden="768", parameters="220M"), "google-t5/t5-base"),
        ("T5", row(parameters="770M"), "google-t5/t5-large"),
        ("T5", row(layers="8", hidden="512", heads="6"), "google/t5-v1_1-small"),
        ("GPT-2", SHAPE_24, "openai-community/gpt2-medium"),
        ("GPT-2", row(parameters="345M"), "openai-community/gpt2-medium"),
        ("GPT-2", row(parameters="117M"), "openai-community/gpt2"),
        ("GPT-2", [], "openai-community/gpt2"),
        ("GPT-2 345M", [], "openai-community/gpt2-medium"),
        ("BLOOM", row(parameters="560M"), "bigscience/bloom-560m"),
        ("RoBERTa-wwm-ext", row(parameters="102M", layers="12"), "hfl/chinese-roberta-wwm-ext"),
        ("BERT-Base", row(parameters="102M"), "google-bert/bert-base-uncased"),
        ("BERT-Base", row(vocab="21128"), "google-bert/bert-base-chinese"),
        ("T5-Small", row(layers="8", hidden="512", heads="6"), "google-t5/t5-small"),
    ],
)
def test_an_ambiguous_name_is_settled_by_its_row(name, evidence, model_id):
    found = match(name, evidence)
    assert isinstance(found, Match)
    assert found.spec.id == model_id


def test_how_a_name_was_settled_is_said():
    assert "4 models" in match("DeBERTa-v3", SHAPE_24).how
    assert "sizes of its row" in match("DeBERTa-v3", SHAPE_24).how
    assert match("BERT-Large", SHAPE_24).how == ""
    assert match("openai-community/gpt2", row(layers="24")).how == ""


@pytest.mark.parametrize(
    ("name", "evidence", "said"),
    [
        ("Bert-basee", [], "did you mean bert-base"),
        ("ELECTRA-Base", row(parameters="110M"), "electra"),
        ("OPT-175B", row(parameters="175B"), "nearest in the catalogue"),
        ("DeBERTa-v2", row(layers="48", hidden="1536", parameters="1.5B"), "deberta-v2-xlarge"),
        ("盘古", [], "not in the catalogue"),
        ("x" * 5000, [], "not in the catalogue"),
        ("./no/such/folder", [], "not found"),
        ("~nobody", [], "not in the catalogue"),
    ],
)
def test_a_model_that_the_catalogue_lacks_is_not_taken_for_another(name, evidence, said):
    found = match(name, evidence)
    assert isinstance(found, NoMatch)
    assert said in found.why


def test_a_column_beside_the_name_completes_it():
    assert match("GPT-2", variant="Medium").spec.id == "openai-community/gpt2-medium"
    assert match("DeBERTa", variant="v3-large").spec.id == "microsoft/deberta-v3-large"
    assert match("BERT-Base", variant="2018").spec.id == "google-bert/bert-base-uncased"


def test_a_model_directory_is_a_name_too(tiny_model_dir, monkeypatch):
    spec = match(str(tiny_model_dir)).spec
    assert spec.architecture == "BertForSequenceClassification"
    monkeypatch.chdir(tiny_model_dir.parent)
    assert match(f"./{tiny_model_dir.name}").spec.parameters == spec.parameters
    assert match(f"./{tiny_model_dir.name}/config.json").spec.parameters == spec.parameters


def test_every_alias_finds_its_model():
    for alias, model_id in store.aliases().items():
        assert match(alias).spec.id == model_id
