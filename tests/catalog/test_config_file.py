import json
import math

import pytest

from fitwright.catalog import config_file
from fitwright.core.errors import UsageError

BERT = {"model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"model_type": "bert",', "no valid JSON.*line 1"),
        (b"[" * 100_000, "no valid JSON"),
        (b"[1, 2]", "holds a list"),
        (b"null", "holds a NoneType"),
        (b'"bert"', "holds a str"),
        (b"\xff\xfe{}", "no UTF-8 text"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, says):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says) as caught:
        config_file.read(path)
    assert str(path) in str(caught.value)


def test_no_file_and_a_folder_in_its_place(tmp_path):
    with pytest.raises(UsageError, match="not found"):
        config_file.read(tmp_path / "config.json")
    with pytest.raises(UsageError, match="a folder where a file is needed"):
        config_file.read(tmp_path)


def test_the_librarys_spelling_of_infinity(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "mamba2", "time_step_limit": [0.0, {"__float__": "Infinity"}]}')
    assert config_file.read(path)["time_step_limit"] == [0.0, math.inf]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model_type": None}, "no 'model_type'"),
        ({"model_type": ""}, "no 'model_type'"),
        ({"model_type": 7}, "model_type 7"),
        ({"architectures": "BertModel"}, 'architectures "BertModel"'),
        ({"architectures": [1]}, r"architectures \[1\]"),
        ({"hidden_size": "768"}, 'hidden_size is "768"'),
        ({"hidden_size": 768.0}, r"hidden_size is 768\.0"),
        ({"hidden_size": -768}, "hidden_size is -768"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"num_hidden_layers": True}, "num_hidden_layers is true"),
        ({"vision_config": {"num_heads": [2, "a"]}}, r'vision_config\.num_heads is \[2, "a"\]'),
        ({"text_config": {"vocab_size": "9"}}, r'text_config\.vocab_size is "9"'),
        ({"encoder": {"model_type": "bert", "hidden_size": -1}}, r"encoder\.hidden_size is -1"),
    ],
)  # fmt: skip
def test_a_value_that_no_model_has_is_named(change, says):
    with pytest.raises(UsageError, match=says) as caught:
        config_file.check(BERT | change, "here.json")
    assert "here.json" in str(caught.value)


def test_all_wrong_sizes_are_named_at_once():
    with pytest.raises(UsageError, match="hidden_size is 0, num_attention_heads is -4"):
        config_file.check(BERT | {"hidden_size": 0, "num_attention_heads": -4}, "here.json")


@pytest.mark.parametrize(
    "change",
    [
        {}, {"num_key_value_heads": None}, {"num_experts": 0}, {"max_position_embeddings": -1},
        {"depths": [2, 2], "patch_size": [16, 16]}, {"quantization_config": {"hidden_size": "x"}},
        {"architectures": []}, {"rope_scaling": {"factor": 2.0}},
    ],
)  # fmt: skip
def test_what_real_files_hold_passes(change):
    config_file.check(BERT | change, "here.json")


def test_sizes_have_the_catalogues_names():
    values = {
        "text_config": {
            "hidden_size": 512,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "vocab_size": 9,
        },
        "vision_config": {"hidden_size": 768, "num_hidden_layers": 12, "patch_size": 32, "image_size": 224},
    }
    assert config_file.dims(values, two_stacks=False) == {
        "text_hidden": 512, "text_layers": 12, "text_heads": 8, "text_vocab": 9,
        "vision_hidden": 768, "vision_layers": 12, "vision_patch": 32, "vision_image": 224,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "layers"),
    [
        ({"num_layers": 6}, (6, 6)),
        ({"num_layers": 6, "num_decoder_layers": 2}, (6, 2)),
        ({"encoder_layers": 12, "decoder_layers": 4, "num_hidden_layers": 12}, (12, 4)),
    ],
)
def test_an_encoder_decoder_has_layers_per_stack(values, layers):
    dims = config_file.dims(json.loads(json.dumps(values)), two_stacks=True)
    assert (dims["encoder_layers"], dims["decoder_layers"]) == layers
    assert "layers" not in dims
