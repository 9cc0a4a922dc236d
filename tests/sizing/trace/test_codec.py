import json

import pytest

from fitwright.sizing.trace import codec, store
from tests.sizing.trace.made import stack_of_layers, training_step

SHIPPED = "google-bert/bert-base-uncased"


def back(traces):
    data = json.loads(json.dumps(codec.encode(traces)))
    return {key: codec.decode(data, key) for key in traces}


def test_a_trace_survives_json():
    traces = {"train": training_step(), "infer": stack_of_layers(3)}
    assert back(traces) == traces


def test_real_traces_survive_json():
    traces = {key: store.shipped(SHIPPED, key) for key in store.shipped_keys(SHIPPED)}
    assert len(traces) >= 8
    assert back(traces) == traces


def test_only_what_was_kept_is_there():
    with pytest.raises(KeyError):
        codec.decode(codec.encode({"train": training_step()}), "infer")
