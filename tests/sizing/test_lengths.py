import pytest

from fitwright.catalog.names import find
from fitwright.core.errors import UsageError
from fitwright.sizing import devices
from fitwright.sizing.comparison import compare, sized
from fitwright.sizing.lengths import hard_limit, length_of
from fitwright.spec.workload import Workload

CPU = devices.find("xeon-8480")
CLIP, BERT = "openai/clip-vit-base-patch32", "google-bert/bert-base-uncased"


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        (CLIP, 77), ("google/siglip-base-patch16-224", 64), (BERT, 512), ("openai-community/gpt2", 1024),
        ("google-t5/t5-small", None), ("google/vit-base-patch16-224", None),
        ("state-spaces/mamba-130m-hf", None),
    ],
)  # fmt: skip
def test_where_a_table_of_positions_ends(name, limit):
    assert hard_limit(find(name)) == limit


def test_a_length_that_nobody_asked_for_is_one_that_the_model_takes():
    assert length_of(find(BERT), None) == (128, "")
    seq, said = length_of(find(CLIP), None)
    assert seq == 77
    assert "77 tokens" in said
    assert length_of(find(CLIP), 300) == (300, "")


def test_a_tower_of_text_takes_no_more_than_its_positions():
    with pytest.raises(
        UsageError, match=r"seq is beyond the model's maximum; got 78; allowed: at most 77\.$"
    ):
        sized(CLIP, find(CLIP), Workload(seq=78), CPU)
    assert sized(CLIP, find(CLIP), Workload(seq=77), CPU).verdict == "unknown"  # what the CPU has is


def test_a_comparison_leaves_out_what_cannot_be_and_shortens_only_what_nobody_asked_for():
    models = [(name, find(name)) for name in (CLIP, BERT)]
    clip, bert = compare(models, Workload(seq=128), CPU)
    assert (clip.record.get("latency"), bert.workload.seq) == (None, 128)
    assert "77" in clip.record.context["assumptions"][0]
    clip, bert = compare(models, Workload(), CPU, seq_given=False)
    assert (clip.workload.seq, bert.workload.seq) == (77, 128)
    assert clip.record.get("latency") is not None
    assert "77 tokens" in clip.record.context["assumptions"][-1]
