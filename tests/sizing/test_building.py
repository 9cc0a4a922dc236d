"""Counts and kinds of models known by their config.json alone, against an independent build of the class."""

import pytest

from fitwright.catalog import config_file, store
from fitwright.core.errors import UsageError
from fitwright.sizing.building import build
from tests.sizing.config_folders import CASES, T5, TEXT, independent, saved

FORCED = [
    ("T5Config", "T5ForConditionalGeneration"),
    ("MT5Config", "MT5ForConditionalGeneration"),
    ("LongT5Config", "LongT5ForConditionalGeneration"),
]
VERBATIM = {  # what the Hub's files of these models state
    "openai-community/gpt2": {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768,
        "n_head": 12, "n_layer": 12, "n_positions": 1024, "summary_type": "cls_index", "vocab_size": 50257,
    },
    "google-t5/t5-small": {
        "architectures": ["T5ForConditionalGeneration"], "d_ff": 2048, "d_kv": 64, "d_model": 512,
        "is_encoder_decoder": True, "model_type": "t5", "n_positions": 512, "num_heads": 8, "num_layers": 6,
        "relative_attention_num_buckets": 32, "vocab_size": 32128,
    },
    "google/flan-t5-small": {
        "architectures": ["T5ForConditionalGeneration"], "d_ff": 1024, "d_kv": 64, "d_model": 512,
        "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True, "model_type": "t5", "n_positions": 512,
        "num_decoder_layers": 8, "num_heads": 6, "num_layers": 8, "tie_word_embeddings": False,
        "transformers_version": "4.23.1", "vocab_size": 32128,
    },
    "bigscience/bloom-560m": {
        "architectures": ["BloomForCausalLM"], "model_type": "bloom", "n_embed": 1024, "n_layer": 24,
        "num_attention_heads": 16, "seq_length": 2048, "vocab_size": 250880,
    },
    "tiiuae/falcon-7b": {
        "architectures": ["FalconForCausalLM"], "bias": False, "hidden_size": 4544, "model_type": "falcon",
        "multi_query": True, "new_decoder_architecture": False, "num_attention_heads": 71,
        "num_hidden_layers": 32, "parallel_attn": True, "transformers_version": "4.27.4", "vocab_size": 65024,
    },
    "google/siglip-base-patch16-224": {
        "architectures": ["SiglipModel"], "model_type": "siglip", "transformers_version": "4.37.0.dev0",
        "text_config": {"model_type": "siglip_text_model"},
        "vision_config": {"model_type": "siglip_vision_model"},
    },
}  # fmt: skip
LLAVA = {
    "architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "image_token_index": 32000,
    "text_config": {"model_type": "llama", "max_position_embeddings": 4096, "vocab_size": 32064},
    "vision_config": {
        "model_type": "clip_vision_model", "hidden_size": 1024, "image_size": 336, "intermediate_size": 4096,
        "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768,
    },
    "tie_word_embeddings": False, "transformers_version": "4.36.0.dev0",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "sizes", "architecture", "kind"), CASES)
def test_a_config_without_weights_is_counted_exactly(tmp_path, name, sizes, architecture, kind):
    folder = saved(tmp_path, name, sizes, architecture)
    found = build(config_file.read(folder / "config.json"), "here")
    assert found.parameters == independent(folder, architecture) == sum(found.parts.values())
    assert found.kind == kind
    assert architecture is None or found.architecture == architecture
    assert found.defaults == ""


@pytest.mark.parametrize(("name", "architecture"), FORCED)
def test_an_output_matrix_that_the_library_ties_by_force_counts_apart(tmp_path, name, architecture):
    folder = saved(tmp_path, name, T5, architecture, tie_word_embeddings=False)
    found = build(config_file.read(folder / "config.json"), "here")
    assert found.built_parameters == independent(folder, architecture)
    assert found.parameters == found.built_parameters + T5["vocab_size"] * T5["d_model"]
    assert found.parameters == sum(found.parts.values())
    assert found.tied is False


@pytest.mark.parametrize("model_id", VERBATIM)
def test_a_file_of_the_hub_gives_its_catalogue_row(model_id):
    found, spec = build(VERBATIM[model_id], "here"), store.load(model_id)
    assert (found.parameters, found.embedding) == (spec.parameters, spec.embedding_parameters)
    assert (found.kind, found.longest) == (spec.kind, spec.max_sequence_length)
    assert found.sizes == {name: spec.dims[name] for name in found.sizes}


def test_a_file_that_leaves_nested_defaults_out():
    """LLaVA 1.5 7B: the language model's sizes are Llama's defaults, and its release did not write them."""
    found = build(LLAVA, "here")
    assert found.parameters == 7_063_427_072
    assert (found.sizes["text_hidden"], found.sizes["vision_layers"], found.longest) == (4096, 24, 4096)
    assert "text_config.num_hidden_layers 32" in found.defaults


def test_two_configurations_composed(tmp_path):
    import transformers

    bert = transformers.BertConfig(**TEXT)
    both = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        bert, transformers.BertConfig(**TEXT)
    )
    both.architectures = ["EncoderDecoderModel"]
    both.save_pretrained(tmp_path)
    found = build(config_file.read(tmp_path / "config.json"), "here")
    assert found.parameters == independent(tmp_path, "EncoderDecoderModel")
    assert found.kind == "encoder-decoder"
    assert (found.sizes["encoder_layers"], found.sizes["decoder_layers"]) == (2, 2)


def test_a_class_that_the_library_lends_to_another_type():
    """The library gives Mllama's configuration the text class of another one."""
    from transformers import MllamaConfig

    values = MllamaConfig(
        text_config={**TEXT, "num_key_value_heads": 2, "cross_attention_layers": [], "pad_token_id": 0}
    ).to_diff_dict()
    values["architectures"] = ["MllamaForCausalLM"]
    assert build(values, "here").architecture == "MllamaForCausalLM"


@pytest.mark.parametrize("name", ["VoxtralRealtimeTextConfig", "BlipTextConfig"])
def test_a_type_without_a_base_class(name):
    import transformers

    values = getattr(transformers, name)().to_diff_dict()
    with pytest.raises(UsageError, match=f"no base class for.*{values['model_type']}"):
        build(values, "here")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_every_row_of_the_catalogue_from_its_config(part):
    rows = [spec.facts for spec in store.load_all() if spec.facts.get("config_explicit")]
    for row in rows[part::8]:
        values = {**row["config"], **row["config_explicit"], "model_type": row["model_type"]}
        values |= {"architectures": [row["built_class"]], "transformers_version": "4.40.0"}
        if row["model_type"] in ("nezha", "openelm"):  # types that transformers 5.18 has no class for
            continue
        found = build(values, row["id"])
        assert (found.parameters, found.kind) == (row["params"], row["kind"]), row["id"]
        assert found.embedding == row["input_embedding_params"], row["id"]
