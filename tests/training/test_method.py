"""LoRA and head-only: what trains, what the checkpoint holds, what comes out, and the same bits on resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fitwright.core.errors import UsageError
from fitwright.core.progress import Silent
from fitwright.modeling.classifier import load_classifier
from fitwright.training.directory import read_history
from fitwright.training.job import Job, train_model
from fitwright.training.meter import flops_of_token
from fitwright.training.method import (
    apply_method,
    head_parameters,
    lora_targets,
    merge_lora,
    parameter_counts,
    training_mode,
)
from fitwright.training.settings import TrainSettings
from tests.modeling.packing.families import PAIRS, tiny
from tests.training.test_classification import StopAfter

MakeJob = Callable[..., Job]
SETTINGS = TrainSettings(
    epochs=2, batch_size=64, learning_rate=5e-3, precision="fp32", max_length=48, checkpoint_s=0.0
)
LORA = SETTINGS.but(method="lora", lora_rank=4, lora_dropout=0.1)
HEAD = SETTINGS.but(method="head")
IDS = torch.tensor([[101, 2307, 2143, 102], [101, 2025, 2204, 102]])


def differing(left: Path, right: Path) -> set[str]:
    one, other = (load_file(folder / "model.safetensors") for folder in (left, right))
    assert one.keys() == other.keys()
    return {name for name in one if not torch.equal(one[name], other[name])}


@pytest.mark.parametrize("settings", [LORA, HEAD], ids=["lora", "head"])
def test_an_interrupted_run_ends_with_the_same_bits(make_job: MakeJob, settings: TrainSettings) -> None:
    settings = settings.but(epochs=1)
    whole = train_model(make_job("whole"), settings, Silent())
    job = make_job("broken")
    with pytest.raises(KeyboardInterrupt):
        train_model(job, settings, StopAfter(3))
    state = load_file(next(job.work.rglob("state.safetensors")))
    history = read_history(whole)
    held = sum(tensor.numel() for name, tensor in state.items() if name.startswith("model/"))
    assert held == history.trained_parameters < history.total_parameters / 10
    resumed = train_model(job, settings, Silent())
    assert differing(whole, resumed) == set()
    assert (history.packing, history.method) == ("on", settings.method)


def test_head_only_moves_the_head_alone(make_job: MakeJob) -> None:
    job = make_job()
    folder = train_model(job, HEAD.but(epochs=1), Silent())
    moved = differing(job.source, folder)
    assert moved == {
        "classifier.weight",
        "classifier.bias",
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
    }
    assert not (folder / "adapter").exists()
    assert "(head), of a model of" in (folder / "README.md").read_text()


def test_a_frozen_body_answers_without_graph_and_without_dropout(tiny_model_dir: Path) -> None:
    model = load_classifier(tiny_model_dir, ("negative", "positive"))
    apply_method(model, HEAD)
    training_mode(model, "head")
    body = model.bert  # type: ignore[attr-defined]
    hidden = [body(IDS).last_hidden_state for _ in range(2)]
    assert not hidden[0].requires_grad
    assert torch.equal(*hidden)
    assert model.dropout.training  # type: ignore[attr-defined]


def test_lora_leaves_merged_weights_and_an_adapter_that_peft_loads(make_job: MakeJob) -> None:
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification

    job = make_job()
    folder = train_model(job, LORA, Silent())
    merged = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    base = AutoModelForSequenceClassification.from_pretrained(job.source)
    adapted = PeftModel.from_pretrained(base, folder / "adapter").eval()
    with torch.no_grad():
        mine, theirs = merged(IDS).logits, adapted(IDS).logits
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
    assert "bert.encoder.layer.0.attention.self.query.weight" in differing(job.source, folder)
    assert "bert.embeddings.word_embeddings.weight" not in differing(job.source, folder)
    assert read_history(folder).points[1].train_loss < read_history(folder).points[0].train_loss


@pytest.mark.parametrize("family", ["roberta", "distilbert", "modernbert", "gpt2", "llama", *PAIRS])
def test_merged_answers_are_those_of_the_additions(family: str) -> None:
    model = tiny(family)
    names = set(model.state_dict())
    apply_method(model, TrainSettings(method="lora", lora_rank=2))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    ids = torch.arange(4, 14).view(2, 5)
    given = {"input_ids": ids, **({"decoder_input_ids": ids} if family in PAIRS else {})}
    with torch.no_grad():
        added = model(**given).logits
        adapter = merge_lora(model)
        torch.testing.assert_close(model(**given).logits, added, rtol=1e-4, atol=1e-4)
    assert adapter is not None
    assert set(model.state_dict()) == names
    assert merge_lora(model) is None


def test_a_language_models_head_stays_frozen_under_lora() -> None:
    model = tiny("bart")
    apply_method(model, TrainSettings(method="lora"))
    assert all("lora_" in name for name, p in model.named_parameters() if p.requires_grad)
    trained, total = parameter_counts(model)
    assert 0 < trained < total


def test_work_that_frozen_weights_save_is_not_counted() -> None:
    whole, head, lora = tiny("bert"), tiny("bert"), tiny("bert")
    apply_method(head, HEAD)
    apply_method(lora, TrainSettings(method="lora", lora_rank=1))
    full = flops_of_token(whole)
    assert full == 6 * sum(m.weight.numel() for m in whole.modules() if isinstance(m, torch.nn.Linear))
    assert full / 3 < flops_of_token(head) < flops_of_token(lora) < full


def test_the_head_and_the_targets_are_found() -> None:
    assert set(head_parameters(tiny("distilbert"))) == {
        "pre_classifier.weight", "pre_classifier.bias", "classifier.weight", "classifier.bias",
    }  # fmt: skip
    assert {name.rpartition(".")[2] for name in lora_targets(tiny("bert"), "query, value")} == {
        "query",
        "value",
    }
    with pytest.raises(UsageError, match="query"):
        lora_targets(tiny("bert"), "q_proj")
    with pytest.raises(UsageError, match="no head"):
        apply_method(tiny("t5"), HEAD)
    with pytest.raises(UsageError, match="full, lora, head"):
        SETTINGS.but(method="adapter")
