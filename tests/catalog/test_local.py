import json
import shutil
import struct

import pytest

from fitwright.catalog.local import read_model_directory
from fitwright.core.errors import DataError, UsageError


def test_a_real_model_has_the_count_of_its_catalogue_row(encoder_dir):
    spec = read_model_directory(encoder_dir)
    assert spec.parameters == 22_713_216  # buffers such as position ids are not counted
    assert spec.embedding_parameters == 30_522 * 384
    assert spec.kind == "encoder"
    assert (spec.dims["layers"], spec.dims["hidden"], spec.dims["heads"]) == (6, 384, 12)
    assert spec.max_sequence_length == 512


def test_a_saved_classifier_counts_like_torch(tiny_model_dir):
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(tiny_model_dir)
    spec = read_model_directory(tiny_model_dir)
    assert spec.parameters == sum(p.numel() for p in model.parameters())
    assert spec.tasks == ("text-classification",)


def test_an_encoder_decoder_names_both_stacks(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=64, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_decoder_layers=1, num_heads=2
    )
    model = T5ForConditionalGeneration(config)
    model.save_pretrained(tmp_path)
    spec = read_model_directory(tmp_path)
    assert spec.kind == "encoder-decoder"
    assert (spec.dims["encoder_layers"], spec.dims["decoder_layers"]) == (2, 1)
    assert spec.parameters == sum(p.numel() for p in model.parameters())


def test_shards_are_added_up(tmp_path, tiny_model_dir):
    from transformers import BertForSequenceClassification

    model = BertForSequenceClassification.from_pretrained(tiny_model_dir)
    model.save_pretrained(tmp_path, max_shard_size="500KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert read_model_directory(tmp_path).parameters == read_model_directory(tiny_model_dir).parameters


def copy_with_config(source, target, **changes):
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    for name, value in changes.items():
        config.pop(name, None)
        if value is not None:
            config[name] = value
    (target / "config.json").write_text(json.dumps(config))
    return target


def test_the_towers_of_a_multimodal_directory(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    tower = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    model = CLIPModel(
        CLIPConfig(
            text_config={**tower, "vocab_size": 64, "max_position_embeddings": 20},
            vision_config={**tower, "num_hidden_layers": 3, "image_size": 32, "patch_size": 16},
            projection_dim=8,
        )
    )
    model.save_pretrained(tmp_path)
    spec = read_model_directory(tmp_path)
    assert spec.kind == "multimodal"
    assert spec.parameters == sum(p.numel() for p in model.parameters())
    assert (spec.dims["text_layers"], spec.dims["vision_layers"], spec.dims["vision_patch"]) == (2, 3, 16)
    assert spec.max_sequence_length == 20


def test_a_table_without_limit_is_no_limit(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"vocab_size": 64, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    T5ForConditionalGeneration(T5Config(**sizes, n_positions=512)).save_pretrained(tmp_path)
    spec = read_model_directory(tmp_path)
    assert "max_positions" not in spec.dims
    assert spec.max_sequence_length == 512
    assert "training length" in spec.facts["max_sequence_note"]


@pytest.mark.parametrize(
    ("field", "value"), [("hidden_size", "32"), ("num_hidden_layers", 0), ("vocab_size", -5)]
)
def test_a_wrong_size_is_named(tmp_path, tiny_model_dir, field, value):
    broken = copy_with_config(tiny_model_dir, tmp_path / "m", **{field: value})
    with pytest.raises(UsageError, match=f"sizes that cannot be: {field}"):
        read_model_directory(broken)


@pytest.mark.parametrize(
    "field", ["model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"]
)
def test_a_missing_field_is_named(tmp_path, tiny_model_dir, field):
    broken = copy_with_config(tiny_model_dir, tmp_path / "m", **{field: None})
    with pytest.raises(UsageError, match=field):
        read_model_directory(broken)


def test_an_unknown_architecture_is_not_guessed(tmp_path, tiny_model_dir):
    broken = copy_with_config(tiny_model_dir, tmp_path / "m", model_type="frobnicate", architectures=["Frob"])
    with pytest.raises(UsageError, match="frobnicate Frob"):
        read_model_directory(broken)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x01", struct.pack("<Q", 10**15), struct.pack("<Q", 4) + b"nope", struct.pack("<Q", 2) + b"[]"],
)
def test_a_broken_header_is_one_line(tmp_path, tiny_model_dir, content):
    broken = copy_with_config(tiny_model_dir, tmp_path / "m")
    (broken / "model.safetensors").write_bytes(content)
    with pytest.raises(DataError, match="header cannot be read"):
        read_model_directory(broken)


def test_weights_that_are_not_there(tmp_path, tiny_model_dir):
    broken = copy_with_config(tiny_model_dir, tmp_path / "m")
    (broken / "model.safetensors").unlink()
    with pytest.raises(DataError, match="no safetensors weights"):
        read_model_directory(broken)
    (broken / "config.json").unlink()
    with pytest.raises(UsageError, match=r"config\.json"):
        read_model_directory(broken)
