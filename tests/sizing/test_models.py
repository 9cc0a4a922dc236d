"""From whatever a user types to one model: names, folders, files and Hub ids."""

import json
import subprocess
import sys

import pytest

from fitwright.core.errors import DataError, MissingExtraError, UnknownModelError, UsageError
from fitwright.sizing import hub, models
from tests.sizing.config_folders import TEXT, independent, saved


def test_a_folder_and_its_file_are_one_model(tmp_path):
    folder = saved(tmp_path / "mine", "BertConfig", TEXT, "BertModel")
    by_folder, by_file = models.find(str(folder)), models.find(str(folder / "config.json"))
    assert by_folder.parameters == by_file.parameters == independent(folder, "BertModel")
    assert (by_folder.id, by_folder.name, by_file.name) == (str(folder), "mine", "mine")
    assert by_folder.sources == by_file.sources == (str(folder / "config.json"),)


def test_a_file_of_another_name(tmp_path):
    folder = saved(tmp_path, "BertConfig", TEXT, None)
    (folder / "config.json").rename(folder / "small.json")
    assert models.find(str(folder / "small.json")).name == "small"


def test_weights_count_for_themselves_and_the_file_for_its_class(tiny_model_dir):
    whole = models.find(str(tiny_model_dir))
    alone = models.find(str(tiny_model_dir / "config.json"))
    assert (whole.weights, alone.weights) == (str(tiny_model_dir), None)
    assert whole.parameters == alone.parameters


def test_broken_weights_are_not_replaced_by_the_file(tmp_path):
    folder = saved(tmp_path, "BertConfig", TEXT, None)
    (folder / "model.safetensors").write_bytes(b"\x01")
    with pytest.raises(DataError, match="header cannot be read"):
        models.find(str(folder))


def test_a_catalogue_name_brings_no_heavy_package():
    code = (
        "import sys\nfrom fitwright.sizing.models import find\n"
        "find('bert-base'); find('google-t5/t5-small')\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def no_network(monkeypatch):
    def refuse(name):
        raise AssertionError(f"asked the Hub for {name}")

    monkeypatch.setattr(hub, "fetch_config", refuse)


@pytest.mark.parametrize("name", ["bert-base ", "google-bert/bert-base-uncased", "BERT-Base (uncased)"])
def test_a_name_of_the_catalogue_never_goes_to_the_network(no_network, name):
    assert models.find(name).id == "google-bert/bert-base-uncased"


@pytest.mark.parametrize(("name", "near"), [("roberta-bsae", "roberta-base"), ("zzzz", ""), ("a/b/c", "")])
def test_neither_does_what_cannot_be_a_hub_id(no_network, name, near):
    with pytest.raises(UnknownModelError) as caught:
        models.find(name)
    assert caught.value.near[:1] == ((near,) if near else ())


def test_an_ambiguous_name_stays_ambiguous(no_network):
    with pytest.raises(UsageError, match="ambiguous"):
        models.find("deberta-v3")


def test_a_hub_id_that_the_catalogue_lacks(tmp_path, monkeypatch):
    folder = saved(tmp_path, "BertConfig", TEXT, "BertModel")
    asked: list[str] = []
    monkeypatch.setattr(hub, "fetch_config", lambda name: asked.append(name) or folder / "config.json")
    spec = models.find("some-org/some-model")
    assert asked == ["some-org/some-model"]
    assert (spec.id, spec.name, spec.weights) == ("some-org/some-model", "some-model", None)
    assert spec.parameters == independent(folder, "BertModel")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(UsageError, match=r"hidden_size.*config\.json of some-org/some-model on the Hub"):
        models.find("some-org/some-model")


def test_a_folder_here_comes_before_the_hub(no_network, tmp_path, monkeypatch):
    saved(tmp_path / "org" / "name", "BertConfig", TEXT, None)
    monkeypatch.chdir(tmp_path)
    assert models.find("org/name").id == "org/name"
    assert models.find("./org/name").name == models.find("org/name/config.json").name == "name"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("./nothing", "no such file or folder.*nothing"),
        ("nothing.json", r"no such file or folder.*nothing\.json"),
        ("~/nothing/at/all", "no such file or folder"),
        (".", r"holds no config\.json"),
        ("./notes.txt", "not another file.*Give the folder"),
        ("notes.txt", "not another file"),
        ("./\0", "no such file or folder"),
        ("   ", "empty"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path, monkeypatch, name, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match=says):
        models.find(name)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": None}, "no 'model_type'"),
        ({"model_type": "frobnicate"}, "does not know; got 'frobnicate'"),
        ({"model_type": "frobnicate", "auto_map": {"AutoConfig": "x.Y"}}, "code of their own are not run"),
        ({"architectures": ["FrobModel"]}, "'architectures' that transformers .* lacks; got 'FrobModel'"),
        ({"architectures": ["FrobModel"], "auto_map": {"AutoModel": "x.FrobModel"}}, "auto_map.*not run"),
        ({"architectures": ["pipeline"]}, "is no model; got 'pipeline'"),
        ({"architectures": ["AutoModel"]}, "is no model; got 'AutoModel'"),
        ({"architectures": ["GPT2LMHeadModel"]}, "contradicts itself: model_type is 'bert'.*GPT2Config"),
        ({"hidden_size": "24"}, 'hidden_size is "24"'),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"num_attention_heads": 5}, "num_attention_heads 5, which does not divide hidden_size 24"),
        ({"vocab_size": None}, "vocab_size"),
        ({"hidden_act": "no-such-act"}, r"BertModel cannot be built.*no-such-act.*config\.json"),
        ({"layer_norm_eps": "small"}, "transformers refuses.*layer_norm_eps"),
    ],
)
def test_a_config_that_is_no_models(tmp_path, change, says):
    folder = saved(tmp_path, "BertConfig", TEXT, "BertModel", **change)
    with pytest.raises(UsageError, match=says) as caught:
        models.find(str(folder))
    assert "\n" not in str(caught.value)


def test_code_beside_a_file_is_not_run(tmp_path):
    code = {"AutoConfig": "evil.Config", "AutoModel": "evil.BertModel"}
    folder = saved(tmp_path, "BertConfig", TEXT, "BertModel", auto_map=code)
    (folder / "evil.py").write_text("raise SystemExit(9)")
    assert "not run" in models.find(str(folder)).notes


def test_defaults_that_the_writing_release_left_out_are_named(tmp_path):
    folder = saved(tmp_path, "SiglipConfig", {}, "SiglipModel")
    values = json.loads((folder / "config.json").read_text())
    values |= {"transformers_version": "4.37.0", "text_config": {}, "vision_config": {"image_size": 384}}
    (folder / "config.json").write_text(json.dumps(values))
    spec = models.find(str(folder))
    assert "text_config.hidden_size 768" in spec.notes
    assert (spec.dims["vision_image"], spec.dims["text_hidden"]) == (384, 768)
    assert spec.parameters == independent(folder, "SiglipModel")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    folder = saved(tmp_path, "BertConfig", TEXT | {"vocab_size": 101}, None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"fitwright\[train\]"):
        models.find(str(folder))
