"""The spec of a model without weights, and what is remembered of it."""

import json
import subprocess
import sys

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing import configured
from fitwright.sizing.configured import model_of
from tests.sizing.config_folders import GPT, T5, TEXT, saved


def values_of(folder):
    return json.loads((folder / "config.json").read_text())


def spec_of(values):
    return model_of(values, source="here", model_id="id", title="title")


def test_what_the_spec_says(tmp_path):
    sizes = {**TEXT, "max_position_embeddings": 34}
    values = values_of(saved(tmp_path, "RobertaConfig", sizes, "RobertaForMaskedLM"))
    spec = spec_of(values)
    assert (spec.id, spec.name, spec.sources, spec.weights) == ("id", "title", ("here",), None)
    assert (spec.model_type, spec.architecture) == ("roberta", "RobertaForMaskedLM")
    assert spec.dims == {"hidden": 24, "layers": 2, "heads": 4, "ffn": 40, "vocab": 99, "max_positions": 34}
    assert spec.max_sequence_length == 32  # two positions belong to the padding
    assert spec.embedding_parameters == 99 * 24
    assert spec.tasks == ("fill-mask", "feature-extraction")
    assert spec.facts["config"] == values
    assert spec.facts["lm_head_tied"] is True
    assert sum(spec.facts["parts"].values()) == spec.parameters
    assert (spec.notes, spec.warning) == ("", "")


def test_a_warning_where_the_count_is_not_the_librarys(tmp_path):
    folder = saved(tmp_path, "T5Config", T5, "T5ForConditionalGeneration", tie_word_embeddings=False)
    spec = spec_of(values_of(folder))
    assert "counted apart" in spec.warning
    assert spec.warning == spec.facts["warning"]
    assert spec.parameters - spec.facts["built_params"] == 99 * 24


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"auto_map": {"AutoModel": "evil.BertModel"}}, "not run"),
        ({"quantization_config": {"quant_method": "gptq"}}, "before quantisation"),
        ({"transformers_version": None, "type_vocab_size": None}, "type_vocab_size 2"),
    ],
)
def test_notes(tmp_path, change, says):
    values = values_of(saved(tmp_path, "BertConfig", TEXT, "BertModel")) | change
    spec = spec_of({key: value for key, value in values.items() if value is not None})
    assert says in spec.notes


def test_a_training_length_is_no_limit(tmp_path):
    spec = spec_of(values_of(saved(tmp_path, "T5Config", T5, None, n_positions=512)))
    assert spec.max_sequence_length == 512
    assert "training length" in spec.facts["max_sequence_note"]
    assert "max_positions" not in spec.dims


def test_what_was_counted_once_needs_no_torch_again(tmp_path):
    folder = saved(tmp_path, "GPT2Config", GPT, "GPT2LMHeadModel")
    counted = spec_of(values_of(folder)).parameters
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from fitwright.sizing.models import find; print(find(sys.argv[1]).parameters)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == counted


def test_another_file_is_counted_anew(tmp_path):
    values = values_of(saved(tmp_path, "GPT2Config", GPT, "GPT2LMHeadModel"))
    assert spec_of(values | {"n_layer": 4}).parameters > spec_of(values).parameters


def test_a_broken_memory_is_no_harm(tmp_path, own_home):
    values = values_of(saved(tmp_path, "BertConfig", TEXT, None))
    counted = spec_of(values).parameters
    (kept,) = (own_home / "configs").iterdir()
    for content in ("{", "[]", '{"parameters": 1}'):
        kept.write_text(content)
        assert spec_of(values).parameters == counted


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path, own_home):
    values = values_of(saved(tmp_path, "BertConfig", TEXT, None))
    own_home.write_text("a file where the folder should be")
    assert spec_of(values).parameters > 0


def test_what_is_refused_is_not_remembered(own_home):
    with pytest.raises(UsageError, match="hidden_size"):
        spec_of({"model_type": "bert"})
    assert not (own_home / "configs").exists()


def test_what_was_remembered_is_what_was_counted(tmp_path, monkeypatch):
    values = values_of(saved(tmp_path, "BertConfig", TEXT, None))
    first = spec_of(values)
    monkeypatch.setattr(configured, "build", None)
    assert spec_of(values) == first
