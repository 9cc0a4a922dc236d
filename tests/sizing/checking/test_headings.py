import pytest

from fitwright.sizing.checking.headings import title, understand

ONE = {
    "parameters": "Parameters|params|#Params|Total params|Params w/ embeddings|Number of parameters|Params."
    "|参数|参数量|参数规模|模型参数量",
    "non_embedding": "Non-embedding params|Parameters (w/o embeddings)|参数量（不含词嵌入）",
    "backbone_parameters": "Backbone parameters|骨干参数量",
    "embedding_parameters": "Embedding params|词嵌入参数量",
    "encoder_parameters": "Encoder params|编码器参数量",
    "layers": "Layers|number of layers|# Layers|num_hidden_layers|Depth|Hidden layers|n_layer|L"
    "|层数|隐藏层数",
    "encoder_layers": "Encoder layers|编码器层数|Enc. layers",
    "decoder_layers": "Decoder layers|解码器层数",
    "hidden": "Hidden|hidden size|d_model|Hidden dim|隐藏维度|隐层大小|隐藏层维度|n_embd|H|Width",
    "heads": "Heads|attention heads|Number of attention heads|注意力头数|头数|num_attention_heads|A",
    "kv_heads": "KV heads|num_key_value_heads",
    "head_dim": "Head dim|d_head",
    "ffn": "FFN|feed-forward|Feed-forward size|FFN hidden size|intermediate_size|前馈维度|d_ff",
    "vocab": "Vocabulary|Vocab size|词表大小|词汇表大小",
    "length": "Max length|Sequence|Max. sequence length|Context window|max_position_embeddings"
    "|最大长度|上下文长度",
    "embedding": "Embedding size",
    "vision_layers": "Vision layers",
    "text_hidden": "Text hidden size",
}


@pytest.mark.parametrize(
    ("field", "heading"), [(field, text) for field, texts in ONE.items() for text in texts.split("|")]
)
def test_one_figure(field, heading):
    understood = understand(heading)
    assert (understood.role, understood.fields) == ("figures", (field,))
    assert title(field)


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("L/H/A", ("layers", "hidden", "heads")),
        ("(L, H, A)", ("layers", "hidden", "heads")),
        ("L-H-A", ("layers", "hidden", "heads")),
        ("L×H×A", ("layers", "hidden", "heads")),
        ("Architecture (L/H/A)", ("layers", "hidden", "heads")),
        ("Heads / KV heads", ("heads", "kv_heads")),
        ("layers/hidden/heads", ("layers", "hidden", "heads")),
        ("层数/隐藏维度/头数", ("layers", "hidden", "heads")),
        ("结构（层/隐藏/头）", ("layers", "hidden", "heads")),
        ("Encoder/decoder layers", ("encoder_layers", "decoder_layers")),
        ("编码器/解码器层数", ("encoder_layers", "decoder_layers")),
    ],
)
def test_several_figures(heading, fields):
    assert understand(heading).fields == fields


@pytest.mark.parametrize(
    ("heading", "scale"),
    [
        ("Params (M)", 10**6),
        ("Parameters (millions)", 10**6),
        ("参数量（亿）", 10**8),
        ("参数量/M", 10**6),
        ("Params, B", 10**9),
        ("参数量(百万)", 10**6),
        ("Params in billions", 10**9),
        ("Vocabulary(K)", 1000),
        ("参数量（单位：万）", 10**4),
        ("Parameters", 1),
        ("Layers (N)", 1),
    ],
)
def test_the_unit_of_a_column(heading, scale):
    assert understand(heading).scale == scale


@pytest.mark.parametrize(
    "heading",
    [
        "GLUE",
        "Year",
        "Memory",
        "Latency (ms)",
        "Hyperparameters",
        "超参数",
        "Active params",
        "Trainable params",
        "Training tokens",
        "FLOPs",
        "Layer norm",
        "Attention type",
        "Model type",
        "模型类型",
        "Weights",
        "Max batch",
        "",
    ],
)
def test_other_columns_are_not_judged(heading):
    assert understand(heading).role == "other"


@pytest.mark.parametrize(
    "heading", ["Model", "models", "模型", "模型名称", "Model name", "Name", "Pretrained model", "Checkpoint"]
)
def test_the_column_of_models(heading):
    assert understand(heading).role == "model"


def test_a_column_may_be_approximate():
    assert understand("Params (approx.)").approximate
    assert not understand("Params").approximate


def test_a_word_that_completes_the_name():
    assert {understand(text).role for text in ("Variant", "Version", "Size", "规模")} == {"variant"}
