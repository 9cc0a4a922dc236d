import pytest

from fitwright.catalog.local import read_model_directory
from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.sizing.compressed import layer_of, predict_variant, variant_spec
from fitwright.sizing.corrections import Correction, Corrections
from fitwright.spec.device import Device
from fitwright.spec.workload import Workload

CPU = Device(name="two cores", kind="cpu", cores=2, peak_flops={"fp32": 3e11, "bf16": 6e11, "int8": 1.2e12})


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # DeBERTa's import
@pytest.mark.parametrize(
    "name",
    [
        "bert-base", "roberta-base", "xlm-roberta-base", "distilbert-base", "electra-small",
        "deberta-v3-small", "nghuyong/ernie-3.0-nano-zh",
    ],
)  # fmt: skip
def test_a_variant_counts_like_the_class_with_fewer_layers(name):
    import torch
    import transformers

    spec = find(name)
    key = "n_layers" if spec.model_type == "distilbert" else "num_hidden_layers"
    settings = {**spec.facts["config"], key: 2}
    config = transformers.AutoConfig.for_model(spec.model_type, **settings)
    with torch.device("meta"):
        model = getattr(transformers, spec.facts["built_class"])(config)
    _, parameters = variant_spec(spec, 2)
    assert parameters.origin == "exact"
    assert parameters.value == sum(p.numel() for p in model.parameters())


def test_vectors_and_matrices_of_a_layer_are_told_apart(encoder_dir):
    from fitwright.catalog.safetensors_header import read_tensors

    layer = layer_of(read_model_directory(encoder_dir))
    stored = [t for t in read_tensors(encoder_dir) if t.name.startswith("encoder.layer.0.")]
    assert layer.matrices == sum(t.count for t in stored if len(t.shape) == 2)
    assert layer.vectors == sum(t.count for t in stored if len(t.shape) == 1)


def test_other_layers_are_estimated_or_shared():
    gpt2, albert = find("gpt2"), find("albert-base")
    _, fewer = variant_spec(gpt2, 6)
    assert fewer.origin == "estimated"
    assert fewer.low <= 81_912_576 <= fewer.high  # DistilGPT-2, the same model with six layers
    assert variant_spec(albert, 3)[1].value == albert.parameters


def test_predicted_file_size_holds_the_real_file(encoder_dir):
    spec = read_model_directory(encoder_dir)
    record = predict_variant(spec, layers=6, precision="fp32", workload=Workload(seq=25), device=CPU)
    real = (encoder_dir / "model.safetensors").stat().st_size
    assert record["size"].low <= real <= record["size"].high


def test_shrinking_shrinks_everything():
    spec = find("sentence-transformers/all-MiniLM-L6-v2")
    workload = Workload(seq=40)
    records = [
        predict_variant(spec, layers=layers, precision=precision, workload=workload, device=CPU)
        for layers, precision in ((6, "fp32"), (6, "int8"), (3, "int8"), (1, "int8"))
    ]
    for name in ("size", "memory", "latency", "latency-p95"):
        values = [record[name].value for record in records]
        assert values == sorted(values, reverse=True)
    assert records[1]["size"].value < 0.27 * records[0]["size"].value
    assert [r["throughput"].value for r in records] == sorted(r["throughput"].value for r in records)


def test_the_engine_counts():
    spec = find("bert-base")
    torch_record, ort_record = (
        predict_variant(
            spec, layers=12, precision="fp32", workload=Workload(seq=8), device=CPU, engine=engine
        )
        for engine in ("torch", "onnxruntime")
    )
    assert torch_record["latency"].value > ort_record["latency"].value
    assert torch_record["memory"].value > ort_record["memory"].value
    with pytest.raises(UsageError, match="onnxruntime"):
        predict_variant(spec, layers=1, precision="fp32", workload=Workload(), device=CPU, engine="steam")


def test_long_rows_take_longer_and_corrections_apply():
    corrections = Corrections(by_name={"latency-p95": Correction(factor=2.0)})
    settings = {"layers": 2, "precision": "fp32", "workload": Workload(seq=20), "device": CPU, "seq_p95": 60}
    plain = predict_variant(find("bert-base"), **settings)
    corrected = predict_variant(find("bert-base"), **settings, corrections=corrections)
    assert plain["latency-p95"].value > plain["latency-p50"].value
    assert corrected["latency-p95"].value == pytest.approx(2 * plain["latency-p95"].value)
    assert corrected["latency-p50"] == plain["latency-p50"]


@pytest.mark.parametrize("layers", [0, 13])
def test_layers_that_are_not_there(layers):
    with pytest.raises(UsageError, match="1 to 12"):
        variant_spec(find("bert-base"), layers)
    with pytest.raises(UsageError, match="one stack"):
        variant_spec(find("t5-small"), 1)
