"""Which absent sizes are refused, by who wrote the file."""

from __future__ import annotations

import json

import pytest

from fitwright.core.errors import UsageError
from fitwright.sizing import required
from fitwright.sizing.tracing.model import config_of

INSTALLED = "5.18.0"
TOWER = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def written(name, **sizes):
    """What the installed library writes for a configuration."""
    import transformers

    return json.loads(getattr(transformers, name)(**sizes).to_json_string(use_diff=True))


def checked(values):
    return required.check(
        config_of(json.loads(json.dumps(values)), "here"), values, "here", installed=INSTALLED
    )


def without(values, path):
    copy = json.loads(json.dumps(values))
    *parts, last = path.split(".")
    section = copy
    for part in parts:
        section = section[part]
    del section[last]
    return copy


CLIP = {
    "text_config": {**TOWER, "vocab_size": 64},
    "vision_config": {**TOWER, "image_size": 32, "patch_size": 16},
}
CASES = [
    ("BertConfig", {}, "hidden_size num_hidden_layers num_attention_heads vocab_size intermediate_size"),
    ("BertConfig", {}, "max_position_embeddings"),
    ("DistilBertConfig", {}, "dim n_layers n_heads hidden_dim vocab_size"),
    ("GPT2Config", {}, "n_embd n_layer n_head vocab_size n_positions"),
    ("T5Config", {}, "d_model d_kv d_ff num_layers num_heads vocab_size"),
    ("BartConfig", {}, "d_model encoder_layers decoder_layers encoder_attention_heads decoder_ffn_dim"),
    ("WhisperConfig", {}, "d_model encoder_layers num_mel_bins max_source_positions max_target_positions"),
    ("LlamaConfig", {}, "hidden_size num_hidden_layers num_attention_heads intermediate_size"),
    ("MixtralConfig", {}, "num_local_experts num_experts_per_tok num_key_value_heads"),
    ("ViTConfig", {}, "hidden_size patch_size image_size"),
    ("SwinConfig", {}, "embed_dim depths num_heads"),
    ("CLIPConfig", CLIP, "text_config.hidden_size text_config.vocab_size vision_config.patch_size"),
    ("CLIPConfig", {}, "text_config.hidden_size vision_config.num_hidden_layers"),
]


@pytest.mark.parametrize(
    ("name", "sizes", "path"), [(n, s, path) for n, s, paths in CASES for path in paths.split()]
)
def test_a_size_that_was_taken_out_is_named(name, sizes, path):
    whole = written(name, **sizes)
    assert whole["transformers_version"] == INSTALLED
    assert checked(whole) == ""
    with pytest.raises(UsageError, match=f"config.json has no '{path}'"):
        checked(without(whole, path))


def test_a_section_that_was_taken_out():
    with pytest.raises(UsageError, match=r"'text_config\.vocab_size', 'text_config\.hidden_size'"):
        checked(without(written("CLIPConfig", **CLIP), "text_config"))


def test_a_fragment_is_refused_with_every_size_it_lacks():
    with pytest.raises(UsageError) as caught:
        checked({"model_type": "bert"})
    for field in (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
    ):
        assert f"'{field}'" in str(caught.value)


def nested(version):
    """As a release wrote a SigLIP whose towers have the sizes that its classes have by default."""
    return {
        "model_type": "siglip", "transformers_version": version,
        "text_config": {"model_type": "siglip_text_model"},
        "vision_config": {"model_type": "siglip_vision_model", "image_size": 384},
    }  # fmt: skip


@pytest.mark.parametrize("version", ["4.32.0", "4.37.0.dev0", "4.44.2", "4.49.0", "4.50.0.dev0"])
def test_releases_that_left_nested_defaults_out(version):
    notes = checked(nested(version))
    assert "text_config.hidden_size 768" in notes
    assert "image_size" not in notes


@pytest.mark.parametrize("version", ["4.31.0", "4.50.0", "4.57.1", "5.18.0", None, "", "four", 4])
def test_everybody_else_writes_nested_sizes(version):
    with pytest.raises(UsageError, match=r"no 'text_config\.vocab_size'"):
        checked(nested(version))


def test_an_older_release_did_not_know_every_lesser_size():
    values = without(written("NomicBertConfig"), "max_position_embeddings")
    with pytest.raises(UsageError, match="max_position_embeddings"):
        checked(values)
    assert "max_position_embeddings 2048" in checked(values | {"transformers_version": "4.34.0"})
    with pytest.raises(UsageError, match="'hidden_size'"):
        checked(without(values, "hidden_size") | {"transformers_version": "4.34.0"})


@pytest.mark.parametrize(
    ("name", "theirs", "other"),
    [("GPT2Config", "n_embd", "hidden_size"), ("T5Config", "num_layers", "num_hidden_layers")],
)
def test_another_name_of_the_class_counts(name, theirs, other):
    whole = written(name)
    assert checked(without(whole, theirs) | {other: whole[theirs]}) == ""


def test_a_name_that_led_to_the_same_size_counts():
    bloom = {"model_type": "bloom", "n_embed": 64, "n_layer": 3, "num_attention_heads": 4, "vocab_size": 99}
    assert "hidden" not in checked(bloom)
    with pytest.raises(UsageError, match="'hidden_size'"):
        checked(without(bloom, "n_embed"))


def test_sizes_of_the_language_model_at_the_top():
    """Qwen2-VL's older layout."""
    sizes = {**TOWER, "num_key_value_heads": 2, "vocab_size": 99, "max_position_embeddings": 64}
    vision = {"depth": 2, "embed_dim": 16, "num_heads": 2, "hidden_size": 16, "patch_size": 14}
    values = {"model_type": "qwen2_vl", "vision_config": vision, "transformers_version": "4.41.2", **sizes}
    assert "text_config" not in checked(values)
    with pytest.raises(UsageError, match=r"text_config\.num_hidden_layers"):
        checked(without(values, "num_hidden_layers") | {"transformers_version": "4.57.0"})


def heads(width: int, queries: int, keys: int) -> dict[str, int]:
    return {"hidden_size": width, "num_attention_heads": queries, "num_key_value_heads": keys}


@pytest.mark.parametrize(
    ("name", "sizes", "says"),
    [
        ("Qwen2Config", heads(60, 8, 8), "num_attention_heads 8, which does not divide hidden_size 60"),
        (
            "Qwen2Config",
            heads(64, 8, 3),
            "num_key_value_heads 3, which does not divide num_attention_heads 8",
        ),
        ("ViTConfig", {"hidden_size": 60, "num_attention_heads": 8}, "does not divide hidden_size 60"),
        ("Qwen2VLConfig", {"text_config": TOWER | heads(16, 4, 3)}, r"text_config\.num_key_value_heads 3"),
    ],
)
def test_heads_that_do_not_divide(name, sizes, says):
    with pytest.raises(UsageError, match=says):
        checked(written(name, **sizes))


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("T5Config", {"d_model": 512, "num_heads": 6}),
        (
            "Qwen3Config",
            {"hidden_size": 60, "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 32},
        ),
        ("Glm4MoeConfig", {}),
    ],
)
def test_heads_with_a_width_of_their_own(name, sizes):
    assert checked(written(name, **sizes)) == ""
