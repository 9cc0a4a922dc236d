"""The class that a config names, its labels, its parameters, and what is left out of it."""

import pytest

from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.sizing.trace.conditions import Conditions
from fitwright.sizing.trace.obtain import class_name, config_values
from fitwright.sizing.tracing.interface import trace
from tests.sizing.tracing import tiny

TRAIN = Conditions(mode="train")


def bert(**changes):
    return {**tiny.values("bert"), "num_hidden_layers": 2, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": ""}, "no 'model_type'"), ({"model_type": "warp-drive"}, "warp-drive"),
        ({"hidden_size": 33}, "BertModel|refuses"), ({"num_attention_heads": 0}, "BertModel|refuses"),
        ({"architectures": ["NoSuchClass"]}, "NoSuchClass"),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_built_says_which(changes, said):
    with pytest.raises(UsageError, match=said):
        trace(bert(**changes), Conditions(), source="my config")


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"num_labels": 1}, {"num_labels": 5},
        {"num_labels": 5, "problem_type": "multi_label_classification"},
        {"num_labels": 1, "problem_type": "regression"},
    ],
)  # fmt: skip
def test_a_classifier_trains_on_whatever_labels_it_has(changes):
    found = trace(bert(**changes), TRAIN, architecture="BertForSequenceClassification")
    assert found.point is None
    labels = changes.get("num_labels", 2)
    assert dict(found.parameters)[labels, 32] == 1 + (labels == 2)  # two token types beside two labels


@pytest.mark.parametrize(
    "name",
    [
        "BertModel",
        "BertForMaskedLM",
        "BertForTokenClassification",
        "BertForQuestionAnswering",
        "BertForNextSentencePrediction",
        "BertForPreTraining",
    ],
)
def test_every_head_trains(name):
    found = trace(bert(), TRAIN, architecture=name)
    gradients = [slot for slot in found.slots if slot.tag == "gradients"]
    assert gradients
    assert found.conditions["class"] == name


def test_deberta_classifies_without_looking_at_its_labels():
    """Its loss picks rows by their labels where the config does not say what they are."""
    found = tiny.traced("deberta-v2", TRAIN)
    assert found.point is None
    assert found.stacks


@pytest.mark.parametrize("name", ["google/t5-v1_1-small", "google/flan-t5-small", "google/mt5-small"])
def test_heads_that_the_library_ties_are_counted_apart(name):
    spec = find(name)
    found = trace(config_values(spec), Conditions(), architecture=class_name(spec), untied=bool(spec.warning))
    assert found.parameter_count == spec.parameters


def test_adapters_are_all_that_is_trained():
    from fitwright.sizing.tracing.lora import LoRA

    full = tiny.traced("bert", TRAIN)
    found = tiny.traced("bert", TRAIN, lora=LoRA(rank=4))
    assert full.trained is None
    assert dict(found.trained) == {(4, 32): 8 * 3, (32, 4): 8 * 3}  # query, key and value of eight layers
    assert found.parameters == full.parameters

    def gradient_bytes(of):
        from fitwright.sizing.trace.expand import expand

        sizes = of.sizes_at(1, 32)
        return sum(sizes[e.slot] for e in expand(of) if e.comes and of.slots[e.slot].tag == "gradients")

    assert gradient_bytes(found) == 2 * 8 * 3 * 4 * 32 * 4
    assert max(tiny.course(found, 2, 64)) < max(tiny.course(full, 2, 64))
