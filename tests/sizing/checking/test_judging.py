import pytest

from fitwright.sizing.checking.judging import check_file
from tests.sizing.checking.tables import found, judged, markdown

PUBLISHED = [
    ["BERT-Base", "12/768/12", "110M"],
    ["BERT-Large", "24/1024/16", "340M"],
    ["RoBERTa-Base", "12/768/12", "125M"],
    ["DeBERTa-v3", "24/1024/16", "~580M"],
    ["T5-Small", "8/512/6", "60M"],
    ["T5-Base", "12/768/12", "220M"],
    ["T5-Large", "24/1024/16", "770M"],
    ["GPT-2 Small", "12/768/12", "117M"],
    ["GPT-2 Medium", "24/1024/16", "345M"],
]
WRONG = [
    (4, "parameters", 434_012_160),
    (5, "layers", 6),
    (5, "heads", 8),
    (7, "parameters", 737_668_096),
    (8, "parameters", 124_439_808),
    (9, "parameters", 354_823_168),
]


@pytest.mark.parametrize(
    "headings",
    [
        ["Model", "L/H/A", "Params"],
        ["模型", "层数/隐藏维度/头数", "参数量"],
        ["Model", "Architecture", "Params"],
    ],
)
def test_the_published_table(tmp_path, headings):
    report = judged(tmp_path, markdown([headings, *PUBLISHED]))
    assert found(report) == WRONG
    assert [round(wrong.error_pct, 1) for wrong in report.wrong] == [33.6, 33.3, -25.0, 4.4, -6.0, -2.8]
    assert [wrong.stated for wrong in report.wrong] == ["~580M", "8", "6", "770M", "117M", "345M"]
    assert report.wrong[0].id == "microsoft/deberta-v3-large"
    assert any("t5-v1_1-small" in note for note in report.notes)  # whose sizes stand in the row of T5-Small
    assert not report.passed
    assert (report.rows, report.known, report.judged) == (9, 9, 36)


def test_the_published_table_in_separate_columns_and_in_names(tmp_path):
    rows = [[name, *shape.split("/"), params] for name, shape, params in PUBLISHED]
    assert found(judged(tmp_path, markdown([["Model", "Layers", "Hidden", "Heads", "Params"], *rows]))) == [
        (row, field, right) for row, field, right in WRONG
    ]
    rows = [[f"{name} {shape}", params] for name, shape, params in PUBLISHED]
    assert found(judged(tmp_path, markdown([["Model", "Params"], *rows]))) == WRONG
    bracketed = [[f"{name} ({shape})", params] for name, shape, params in PUBLISHED]
    assert found(judged(tmp_path, markdown([["Model", "Params"], *bracketed]))) == WRONG


def test_a_table_read_across(tmp_path):
    across = [["", "T5-Small", "GPT-2 Small"], ["Layers", "8", "12"], ["Params (M)", "60", "117"]]
    report = judged(tmp_path, markdown(across))
    assert [(wrong.row, wrong.column, wrong.correct) for wrong in report.wrong] == [
        (1, "T5-Small", 6),
        (2, "GPT-2 Small", 124_439_808),
    ]


def test_sentences_with_figures_are_judged(tmp_path):
    rows = [
        ["Model id", "Details of the model"],
        [
            "bert-base-uncased",
            "12-layer, 768-hidden, 12-heads, 110M parameters. Trained on lower-cased text.",
        ],
        ["gpt2", "12-layer, 768-hidden, 12-heads, 117M parameters."],
        [
            "xlm-roberta-base",
            "~125M parameters with 12-layers, 768-hidden-state, 3072 feed-forward hidden-state, 8-heads",
        ],
        ["bert-large-uncased", "released in 2018, 24 of 24 tasks"],
    ]
    assert found(judged(tmp_path, markdown(rows))) == [
        (2, "parameters", 124_439_808),
        (3, "heads", 12),
        (3, "parameters", 278_295_186),
    ]


@pytest.mark.parametrize(
    ("heading", "name", "cell", "right"),
    [
        ("Layers", "T5-Base", "12", None),
        ("Layers", "T5-Base", "12+12", None),
        ("Layers", "T5-Base", "24", 12),
        ("Layers", "T5-Base", "12 × 2", None),
        ("Encoder layers", "T5-Base", "12/12", None),
        ("Layers", "ByT5-small", "12+4", None),
        ("Layers", "ByT5-small", "12+12", 4),
        ("Layers", "ByT5-small", "8", 12),
        ("Encoder/decoder layers", "ByT5-small", "12/4", None),
        ("Decoder layers", "ByT5-small", "12", 4),
        ("Decoder layers", "BERT-Base", "0", None),
        ("Encoder layers", "BERT-Base", "11", 12),
        ("Encoder params", "T5-Base", "110M", None),
        ("Params", "T5-Base", "110M", 222_903_552),
        ("Non-embedding params", "DeBERTa-v3-large", "304M", None),
        ("Params", "DeBERTa-v3-large", "304M", 434_012_160),
        ("Backbone params (M)", "DeBERTa-v3-base", "86", None),
        ("Params", "DeBERTa-v3-base", "86M", 183_831_552),
        ("Vocab", "BERT-Base", "30K", None),
        ("Vocabulary(K)", "BERT-Base", "31", None),
        ("Vocab", "BERT-Base", "32K", 30522),
        ("Vocab", "BERT-Base", "30,000", 30522),
        ("Context", "Llama 3.1 8B", "128K", None),
        ("Max length", "RoBERTa-Base", "512", None),
        ("Max length", "RoBERTa-Base", "514", None),
        ("Max length", "RoBERTa-Base", "1024", 512),
        ("Max length", "T5-Base", "1024", None),
        ("Embedding size", "ALBERT-base", "128", None),
        ("Hidden", "ALBERT-base", "128", 768),
        ("Params", "ALBERT-base", "12M", None),
        ("Params", "MobileBERT", "24.6M", None),
        ("Hidden", "BERT-Base", "~770", None),
        ("Params", "GPT-2 XL", "1.5B", 1_557_611_200),
        ("Params", "DistilBERT", "66M", None),
        ("Vision layers", "CLIP ViT-L-14", "12", 24),
    ],
)
def test_one_cell(tmp_path, heading, name, cell, right):
    report = judged(tmp_path, markdown([["Model", heading], [name, cell]]))
    assert [wrong.correct for wrong in report.wrong] == ([] if right is None else [right])


def test_what_was_not_judged_is_said(tmp_path):
    rows = [
        ["Model", "Params", "Layers", "Memory"],
        ["BERT-Base", "100–120M", "12", "1 GB"],
        ["Bert-basee", "110M", "12", ""],
        ["", "110M", "12", ""],
        ["GPT-2", "117", "12", ""],
        ["ResNet-18", "-", "18", ""],
        ["T5-Base", "220M (110M encoder)", "12", ""],
    ]
    report = judged(tmp_path, markdown(rows))
    assert report.passed
    notes = "\n".join(report.notes)
    for said in (
        "row 1, Params: '100–120M' was not judged: a range",
        "row 2: 'Bert-basee' is not in the catalogue",
        "did you mean bert-base",
        "row 3: no model's name",
        "row 4, Params: '117' was not judged: it has no unit",
        "row 5, Layers: not judged, the catalogue has no layers",
        "row 6, Params: in brackets, not judged: 110M encoder",
        "no figure that can be judged in: Memory",
    ):
        assert said in notes


def test_a_wrong_count_is_explained_where_the_reason_is_known(tmp_path):
    rows = [
        ["Model", "Params"],
        ["T5-Large", "770M"],
        ["GPT-2 Small", "117M"],
        ["DeBERTa-v3-base", "86M"],
        ["T5-Base", "110M"],
        ["Llama-2-7B", "7B"],
        ["BERT-Base", "300M"],
    ]
    notes = [wrong.note for wrong in judged(tmp_path, markdown(rows)).wrong]
    assert "a second time" in notes[0]
    assert "miscount" in notes[1]
    assert "without the word embeddings" in notes[2]
    assert "T5EncoderModel" in notes[3]
    assert "rounded" in notes[4]
    assert notes[5] == ""


def test_json_holds_the_agreed_keys(tmp_path):
    report = judged(tmp_path, markdown([["Model", "#Params"], ["GPT-2 Small", "117M"]]))
    (wrong,) = report.as_json()
    assert wrong["row"] == 1
    assert wrong["column"] == "#Params"
    assert wrong["stated"] == "117M"
    assert wrong["correct"] == 124_439_808
    assert wrong["error_pct"] == -5.98
    assert "GPT2LMHeadModel of openai-community/gpt2" in wrong["source"]
    assert wrong["model"] == "GPT-2 Small"


def test_a_model_directory_in_a_table(tmp_path, tiny_model_dir):
    from fitwright.catalog.names import find

    right = find(str(tiny_model_dir)).parameters
    rows = [["Model", "Params"], [str(tiny_model_dir), f"{right:,}"], [str(tiny_model_dir), f"{2 * right:,}"]]
    path = tmp_path / "t.md"
    path.write_text(markdown(rows))
    assert found(check_file(path)) == [(2, "parameters", right)]


def test_a_heading_may_mark_its_column_as_approximate(tmp_path):
    row = ["GPT-2 Small", "120M"]
    assert found(judged(tmp_path, markdown([["Model", "Params"], row]))) == [(1, "parameters", 124_439_808)]
    assert judged(tmp_path, markdown([["Model", "Params (approx.)"], row])).passed


def test_the_unit_of_a_heading_is_for_its_counts_alone(tmp_path):
    report = judged(tmp_path, markdown([["Model", "Params (M) / Layers"], ["GPT-2 Small", "124 / 12"]]))
    assert report.passed
    assert report.judged == 2


def test_a_model_without_decoder_has_no_layers_in_it(tmp_path):
    report = judged(
        tmp_path, markdown([["Model", "Encoder layers", "Decoder layers"], ["BERT-Base", "12", "0"]])
    )
    assert report.passed
    assert report.notes == ()
