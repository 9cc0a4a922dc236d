"""Two processes train what one trains, speak with one voice, and end together when one cannot go on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from fitwright.cli.main import run
from fitwright.core.errors import UsageError
from fitwright.training.directory import read_history
from fitwright.training.distributed.launch import Launch, launched
from fitwright.training.distributed.rows import dealt
from fitwright.training.distributed.sharding import repeated_layers
from fitwright.training.settings import TrainSettings
from tests.training.together import COMMAND, together

Weights = dict[str, torch.Tensor]


@pytest.fixture
def arguments(reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path) -> list[str]:
    """A training of 24 steps without dropout, whose output is the last word: 275 rows in steps of 23."""
    return [
        "train", str(reviews_csv), "--model", str(tiny_model_dir), "--epochs", "2", "--lr", "5e-3",
        "--max-length", "48", "--precision", "fp32", "--dropout", "0.0", "--batch-size", "23",
        "--micro-batches", "2", "--output", str(tmp_path / "two"),
    ]  # fmt: skip


def alone(arguments: list[str]) -> Path:
    """The output of the same command in one process."""
    output = Path(arguments[-1]).with_name("one")
    assert run([*arguments[:-1], str(output)]) == 0
    return output


def weights(folder: Path) -> Weights:
    return load_file(folder / "model.safetensors")


def assert_near(found: Path, expected: Path, start: Path) -> None:
    """Losses to 1e-5; weights to a thousandth of how far training moved them."""
    for one, other in zip(read_history(expected).points, read_history(found).points, strict=True):
        assert other.train_loss == pytest.approx(one.train_loss, rel=1e-5)
        assert other.validation_loss == pytest.approx(one.validation_loss, rel=1e-5)
    old, new, first = weights(expected), weights(found), weights(start)
    moved = torch.cat([(old[name] - first[name]).flatten() for name in old])
    apart = torch.cat([(old[name] - new[name]).flatten() for name in old])
    assert moved.abs().max() > 1e-2
    assert apart.norm() < 1e-3 * moved.norm()


def test_two_processes_train_what_one_does(
    arguments: list[str], tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = together([*arguments[:-2], "--json", *arguments[-2:]])
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert (second.out, second.err) == ("", "")  # rank 0 speaks for all
    two = Path(arguments[-1])
    history = json.loads(first.out)["history"]
    assert (history["processes"], history["parallel"]) == (2, "ddp")
    assert_near(two, alone(arguments), tiny_model_dir)
    assert not list(two.parent.glob(".*"))
    assert len(list((two / "runs").iterdir())) == 1


@pytest.mark.slow
def test_sharded_layers_train_what_one_process_does(arguments: list[str], tiny_model_dir: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    ended = together([*arguments[:-2], "--parallel", "fsdp", *arguments[-2:]])
    assert [one.code for one in ended] == [0, 0], ended[0].err + ended[1].err
    two = Path(arguments[-1])
    assert read_history(two).parallel == "fsdp"
    assert_near(two, alone(arguments), tiny_model_dir)
    assert type(AutoModelForSequenceClassification.from_pretrained(two)).__name__.startswith("Bert")


STOP = """
import os, sys
from fitwright.cli import console
from fitwright.cli.main import run
advance = console._LineTask.advance
steps = int(os.environ["STOP_AFTER"])
def stop(task, amount=1.0, note=""):
    global steps
    advance(task, amount, note)
    if task._title.startswith("train (") and note:
        steps -= 1
        if steps < 0:
            os._exit(9)
console._LineTask.advance = stop
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_killed_processes_go_on_to_the_same_bits_and_one_alone_can_go_on_for_them(
    arguments: list[str], tiny_model_dir: Path, parallel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_ = [*arguments[:-2], "--dropout", "0.1", "--checkpoint-s", "0", "--parallel", parallel, "--output"]
    folder = Path(arguments[-1]).parent
    assert [one.code for one in together([*given_, str(folder / "whole")])] == [0, 0]
    monkeypatch.setenv("STOP_AFTER", "16")
    for name in ("broken", "taken-over"):
        codes = [one.code for one in together([*given_, str(folder / name)], STOP)]
        assert codes[0] == 9  # killed itself; the other too, unless it saw its peer die first and said so
        assert codes[1] in (9, 3)
    assert [one.code for one in together([*given_, str(folder / "broken")])] == [0, 0]
    whole, broken = weights(folder / "whole"), weights(folder / "broken")
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert run([*given_, str(folder / "taken-over")]) == 0
    assert read_history(folder / "taken-over").processes == 1
    first = read_history(folder / "whole").points[0]
    assert read_history(folder / "taken-over").points[0].validation_loss == first.validation_loss


FAULT = """
import os, sys
from fitwright.cli.main import run
from fitwright.training.tasks.text_classification import TextClassification
loss, step = TextClassification.loss, [0]
def faulty(self, model, batch):
    step[0] += 1
    if os.environ["RANK"] == "1":
        {fault}
    return loss(self, model, batch)
TextClassification.loss = faulty
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.slow
def test_memory_that_one_lacks_halves_the_parts_of_all(arguments: list[str], tiny_model_dir: Path) -> None:
    fault = "if batch.counts.rows > 5: raise MemoryError"
    ended = together(arguments, FAULT.format(fault=fault))
    assert [one.code for one in ended] == [0, 0], ended[0].err + ended[1].err
    assert "go on in 4 parts" in ended[0].err
    assert_near(Path(arguments[-1]), alone(arguments), tiny_model_dir)


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_a_loss_that_is_no_number_in_one_rolls_all_back(arguments: list[str], parallel: str) -> None:
    fault = "if step[0] == 9: return loss(self, model, batch) * float('nan')"
    ended = together([*arguments[:-2], "--parallel", parallel, *arguments[-2:]], FAULT.format(fault=fault))
    assert [one.code for one in ended] == [0, 0], ended[0].err + ended[1].err
    assert "the loss became nan at step 4: back to step " in ended[0].err
    assert read_history(Path(arguments[-1])).rollbacks == 1


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        ("raise RuntimeError('it broke here')", 3, "it broke here"),
        ("raise MemoryError", 3, "memory does not suffice"),
        ("os.kill(os.getpid(), 9)", 3, "ended without a word"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
    ],
)
def test_what_ends_one_ends_all_with_one_message(
    arguments: list[str], parallel: str, fault: str, code: int, said: str
) -> None:
    ended = together([*arguments[:-2], "--parallel", parallel, *arguments[-2:]], FAULT.format(fault=fault))
    lines = [line for one in ended for line in one.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert {one.code for one in ended} <= {code, 3, -9}
    assert not Path(arguments[-1]).exists()
    assert all("Traceback" not in one.err for one in ended)


@pytest.mark.slow
def test_different_files_are_refused_by_all(arguments: list[str], tmp_path: Path) -> None:
    lines = Path(arguments[1]).read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "other.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    other = [arguments[0], str(tmp_path / "other.csv"), *arguments[2:]]
    ended = together([arguments, other], COMMAND)
    assert [one.code for one in ended] == [2, 2]
    errors = [line for one in ended for line in one.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "not given the same data, model and settings" in errors[0]


@given(lengths=st.lists(st.integers(1, 512), max_size=40), size=st.integers(1, 6), data=st.data())
def test_rows_are_dealt_in_order_evenly_and_to_all(
    lengths: list[int], size: int, data: st.DataObject
) -> None:
    rows = data.draw(st.permutations(range(len(lengths))))
    shares = dealt(rows, lengths, size)
    assert len(shares) == size
    assert [row for share in shares for row in share] == rows
    assert sum(bool(share) for share in shares) == min(size, len(rows))
    if len(rows) >= size:
        tokens = [sum(lengths[row] for row in share) for share in shares]
        assert max(tokens) <= sum(tokens) / size + 2 * max(lengths)


def test_a_launcher_is_recognised_by_all_that_it_sets() -> None:
    found = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
    assert launched(found) == Launch(rank=3, size=4, local_rank=1)
    assert launched({"WORLD_SIZE": "4", "RANK": "1"}) == Launch()
    with pytest.raises(UsageError, match=r"WORLD_SIZE is no number.*'four'"):
        launched({**found, "WORLD_SIZE": "four"})


def test_layers_of_stacks_are_found_from_the_outside_in() -> None:
    layers = torch.nn.ModuleList(
        torch.nn.ModuleDict({"inner": torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)])})
        for _ in range(3)
    )
    others = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.ReLU()])
    model = torch.nn.ModuleDict({"layers": layers, "others": others})
    assert repeated_layers(model) == list(layers)


def test_an_unknown_way_to_share_is_refused() -> None:
    with pytest.raises(UsageError, match=r"unknown parallel; got 'zero'; allowed: auto, ddp, fsdp"):
        TrainSettings(parallel="zero")


@pytest.mark.slow
@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_train_additions_as_one_does(
    arguments: list[str], tiny_model_dir: Path, parallel: str
) -> None:
    given_ = [*arguments[:-2], "--method", "lora", "--parallel", parallel, *arguments[-2:]]
    ended = together(given_)
    assert [one.code for one in ended] == [0, 0], ended[0].err + ended[1].err
    two, one = Path(arguments[-1]), alone(given_)
    assert read_history(two).trained_parameters == read_history(one).trained_parameters
    assert_near(two, one, tiny_model_dir)
    near, exact = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (two, one))
    assert near.keys() == exact.keys()
    assert all(torch.allclose(near[name], exact[name], atol=1e-3) for name in exact)
