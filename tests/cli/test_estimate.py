import json
import subprocess
import sys

import pytest

from fitwright.cli.main import run

WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "numpy", "onnxruntime", "tokenizers"):
    sys.modules[name] = None
from fitwright.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
KEYS = {
    "schema", "asked", "model", "workload", "device", "flops", "size", "memory", "latency", "throughput",
    "verdict", "largest_batch", "assumptions", "suggestions", "run",
}  # fmt: skip
BREAKDOWN = {
    "weights",
    "gradients",
    "optimiser_state",
    "activations",
    "logits",
    "kv_cache",
    "workspace",
    "context",
}


RUN = ("bert-base", "--device", "t4", "--mode", "train", "--tokens", "1B")


def output(capsys, *arguments, code=0):
    assert run(["estimate", *arguments]) == code
    return capsys.readouterr().out


def estimated(capsys, *arguments):
    return json.loads(output(capsys, *arguments, "--json"))


def refused(capsys, *arguments):
    assert run(["estimate", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    return captured.err


def quantity(found, *, whole=False):
    assert {"value", "low", "high", "origin"} <= set(found)
    assert found["low"] <= found["value"] <= found["high"]
    assert found["origin"] in ("exact", "published", "estimated", "measured")
    return found["value"]


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize("device", ["cpu", "t4"])
def test_json_has_every_key(capsys, mode, device):
    found = estimated(capsys, "bert-base", "--mode", mode, "--device", device)
    assert set(found) == KEYS
    assert isinstance(found["schema"], int)
    model = found["model"]
    assert model["id"] == "google-bert/bert-base-uncased"
    assert model["class"] == "BertForMaskedLM"
    assert model["parameters"] == {
        "total": 109_514_298, "non_embedding": 109_514_298 - 30_522 * 768, "active": 109_514_298,
    }  # fmt: skip
    assert {"mode": mode, "batch": 1, "seq": 128, "precision": "fp32"}.items() <= found["workload"].items()
    assert isinstance(found["device"]["name"], str)
    memory = found["memory"]
    for name in ("allocated", "process"):
        assert quantity(memory[name]) > 4 * 109_514_298
        assert memory[name]["unit"] == "B"
    if device == "cpu":
        assert memory["reserved"] is None
    else:
        assert memory["allocated"]["value"] <= quantity(memory["reserved"]) <= memory["process"]["value"]
    assert set(memory["breakdown"]) == BREAKDOWN
    assert all(isinstance(size, int) for size in memory["breakdown"].values())
    assert memory["instant"]
    assert all(isinstance(found["flops"][name], int) for name in ("forward", "training_step"))
    assert found["flops"]["training_step"] > 2.5 * found["flops"]["forward"]
    if found["latency"] is not None:
        assert quantity(found["latency"]) > 0
        assert found["latency"]["unit"] == "s"
    assert found["verdict"] in ("fits", "tight", "does not fit", "unknown")
    assert isinstance(found["assumptions"], list)
    for suggestion in found["suggestions"]:
        assert {"change", "option", "saves_bytes", "process_bytes", "costs"} == set(suggestion)
        assert isinstance(suggestion["saves_bytes"], int)


def test_the_defaults_are_those_of_the_issue(capsys):
    found = estimated(capsys, "bert-base")["workload"]
    assert (found["mode"], found["batch"], found["seq"], found["precision"]) == ("infer", 1, 128, "fp32")


def test_what_is_absent_is_null(capsys):
    found = estimated(capsys, "google/electra-small-discriminator", "--device", "t4", "--precision", "bf16")
    assert set(found) == KEYS
    assert found["latency"] is None
    assert found["throughput"] is None
    assert any("bf16" in line for line in found["assumptions"])
    assert found["run"] is None


def test_the_text_says_the_same(capsys):
    text = output(capsys, "bert-large", "--device", "a100-40gb", "--mode", "train", "--batch", "16")
    assert "335,174,458" in text
    assert "verdict" in text
    for part in ("weights", "gradients", "optimiser state", "activations", "context"):
        assert part in text or part == "gradients"
    assert "reserved" in text
    assert "does not fit" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuchmodel"], "unknown model"), (["robertabase"], "Did you mean"),
        (["bert-base", "--device", "abacus"], "t4"),
        (["bert-base", "--seq", "513"], "512"), (["gpt2", "--seq", "1025"], "1024"),
        (["bert-base", "--batch", "0"], "batch"), (["bert-base", "--batch", "many"], "--batch"),
        (["bert-base", "--seq", "-1"], "seq"), (["bert-base", "--precision", "fp7"], "int8"),
        (["bert-base", "--mode", "dream"], "infer, train"), (["bert-base", "--attention", "flash"], "fused"),
        (["bert-base", "--casting", "none"], "autocast"),
        (["bert-base", "--optimiser", "sgd"], "belongs to training"),
        (["bert-base", "--checkpointing"], "belongs to training"),
        (["bert-base", "--lora-rank", "8"], "--mode train"),
        (["bert-base", "--accumulation", "2"], "belongs to training"),
        (["bert-base", "--mode", "train", "--batch", "6", "--accumulation", "4"], "1, 2, 3, 6"),
        (["bert-base", "--mode", "train", "--precision", "int8"], "whole-number"),
        (["bert-base", "--mode", "train", "--optimiser", "lion"], "adafactor"),
        (["bert-base", "--mode", "train", "--lora-rank", "0"], "at least 1"),
        (["clip-vit-base-patch32", "--seq", "78"], "at most 77"),
        (["bert-base", "--casting", "pure"], "pure at fp32"),
        ([*RUN, "--tokens", "1e400"], "not a count"), ([*RUN, "--price-per-hour", "-1"], "price-per-hour"),
        ([*RUN, "--price-per-kwh", "inf"], "price-per-kwh"), ([*RUN, "--claim-days", "nan"], "claim-days"),
        ([*RUN, "--devices", "0"], "devices must be positive"), ([*RUN, "--pue", "0.5"], "pue"),
        ([*RUN, "--utilisation", "1.5"], "utilisation"),
        (["bert-base", "--colour"], "--colour"), ([], "MODEL"), (["./no/such/folder"], "no such"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(capsys, arguments, said):
    assert said in refused(capsys, *arguments)


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_what_no_machine_could_hold_is_estimated_all_the_same(capsys, mode):
    found = estimated(capsys, "t5-small", "--seq", "1000000000000", "--device", "t4", "--mode", mode)
    assert found["verdict"] == "does not fit"
    assert quantity(found["memory"]["process"]) > 1e20


def test_require_fit_is_an_exit_code(capsys):
    big = ("bert-large", "--device", "t4", "--mode", "train", "--batch", "64", "--seq", "512")
    assert estimated(capsys, *big)["verdict"] == "does not fit"
    json.loads(output(capsys, *big, "--require-fit", "--json", code=1))
    small = ("bert-base", "--device", "t4", "--require-fit")
    assert "fits" in output(capsys, *small)


@pytest.mark.parametrize(
    "arguments",
    [
        ("estimate", "bert-base", "--device", "a100-80gb", "--json"),
        ("estimate", "gpt2", "--device", "t4", "--mode", "train", "--batch", "4", "--json"),
        (
            "estimate", "roberta-base", "--device", "a100-80gb", "--mode", "train", "--precision", "bf16",
            "--checkpointing", "--json",
        ),
        (
            "compare", "bert-base", "gpt2", "roberta-base", "--device", "a100-80gb", "--mode", "train",
            "--batch", "4", "--json",
        ),
    ],
)  # fmt: skip
def test_the_numbers_do_not_need_torch(capsys, arguments):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert run(list(arguments)) == 0
    without, found = json.loads(done.stdout), json.loads(capsys.readouterr().out)
    if isinstance(found, dict):
        fewer, more = without.pop("suggestions"), found.pop("suggestions")
        assert fewer == [s for s in more if s in fewer]
        assert len(more) - len(fewer) <= 3  # steps of which no trace ships, such as adapters, need torch
        untried = [line for line in without["assumptions"] if line.startswith("not tried")]
        assert len(untried) == (len(fewer) < len(more))
        without["assumptions"] = [line for line in without["assumptions"] if line not in untried]
    assert without == found


def test_a_config_file_is_as_good_as_a_name(capsys, tmp_path, own_home):
    config = {
        "architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 100, "max_position_embeddings": 64,
    }  # fmt: skip
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    found = estimated(capsys, str(path), "--device", "t4", "--seq", "64")
    assert found["model"]["class"] == "BertForMaskedLM"
    assert found["model"]["parameters"]["total"] > 0
    assert found["memory"]["process"] is not None
    assert "64" in refused(capsys, str(path), "--seq", "65")
    del config["model_type"]
    path.write_text(json.dumps(config), encoding="utf-8")
    assert "model_type" in refused(capsys, str(path))
