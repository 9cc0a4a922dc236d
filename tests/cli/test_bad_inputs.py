"""Every mistake is one line that says what, what was got, and how to mend it; nothing is written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fitwright.cli.main import run
from tests.cli.fitting import fit_arguments

Refused = Callable[..., str]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the command runs in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def refused(work: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs a command that must fail with one line and write nothing; gives the line."""

    def check(*arguments: object, code: int = 2) -> str:
        before = sorted(work.rglob("*"))
        assert run([str(a) for a in arguments]) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Traceback" not in captured.err
        *news, line = captured.err.splitlines()
        assert line.startswith("error: ")
        assert not [text for text in news if text.startswith("error: ")]
        assert "unexpected" not in line
        assert sorted(work.rglob("*")) == before
        return line

    return check


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"a sentence about film number {i},{'good' if i % 2 else 'bad'}\n" for i in range(60))


DATA = {
    "empty": ("", "empty"),
    "header only": ("text,label\n", "row"),
    "one class": ("text,label\n" + ROWS.replace("good", "bad"), "one class"),
    "no label column": ("text\n" + "just words\n" * 50, "column"),
    "gb18030": (("text,label\n" + "这部电影真好看,好\n这部电影真难看,坏\n" * 40).encode("gb18030"), "UTF-8"),
    "5,000 labels": (
        "text,label\n" + "".join(f"sentence {i},{i}\n" for i in range(5000)), "5,000",
    ),
    "binary": (bytes(range(256)) * 40, ""),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["fit", "train"])
@pytest.mark.parametrize("case", DATA)
def test_data_that_cannot_be_used(
    refused: Refused, tmp_path: Path, tiny_model_dir: Path, verb: str, case: str
) -> None:
    content, says = DATA[case]
    data = write(tmp_path / "data.csv", content)
    named = ["--label", "label"] if case == "5,000 labels" else []
    line = refused(verb, data, "-m", tiny_model_dir, "-o", "out", *named)
    assert says.lower() in line.lower()


def test_every_verb_that_reads_data_names_a_missing_file(refused: Refused, tiny_model_dir: Path) -> None:
    for command in (
        ("fit", "absent.csv", "-m", tiny_model_dir, "-o", "out"),
        ("train", "absent.csv", "-m", tiny_model_dir, "-o", "out"),
    ):
        assert "absent.csv" in refused(*command)


def test_an_unknown_column_lists_the_columns(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path
) -> None:
    for option in ("--text", "--label"):
        line = refused("fit", reviews_csv, "-m", tiny_model_dir, "-o", "out", option, "sentiment")
        assert "'sentiment'" in line
        assert "text, label" in line


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ("size=-1", "size"),
        ("speed=3", "allowed: latency-p50"),
        ("latency-p95=3", "not a duration"),
        ("size=25MB,size=1MB", "twice"),
        ("max-drop=1x", "cannot be relative"),
        ("size", "name=value"),
        ("price=1", "cannot measure"),
    ],
)
def test_a_budget_that_cannot_be_read(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, budget: str, says: str
) -> None:
    assert says in refused(*fit_arguments(reviews_csv, tiny_model_dir, Path("out"), budget=budget))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--epochs", "0"], "epochs must be at least 1; got 0"),
        (["--distil-epochs", "0"], "epochs must be at least 1; got 0"),
        (["--batch-size", "0"], "batch_size must be at least 1"),
        (["--lr", "0"], "learning_rate must be above 0"),
        (["--precision", "fp8"], "allowed: auto, fp32, tf32, bf16, fp16"),
        (["--task", "translation"], "got 'translation'; allowed: text-classification"),
        (["--teachers", "0"], "teachers must be at least 1"),
        (["--batch", "0"], "batch must be at least 1"),
        (["--seq", "0"], "seq must be at least 1"),
        (["--threads", "-2"], "threads must be at least 1"),
        (["--epochs", "three"], "--epochs"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_options_of_fit(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, options: list[str], says: str
) -> None:
    assert says in refused("fit", reviews_csv, "-m", tiny_model_dir, "-o", "out", *options)


def test_options_of_train(refused: Refused, reviews_csv: Path, tiny_model_dir: Path) -> None:
    given = ("train", reviews_csv, "-m", tiny_model_dir, "-o", "out")
    assert "epochs must be at least 1" in refused(*given, "--epochs", "0")
    assert "in [0, 1)" in refused(*given, "--test", "1.5")
    assert "Missing option '--model'" in refused("train", reviews_csv, "-o", "out")
    refused(*given, "--validation", "0.6", "--test", "0.6")


@pytest.mark.parametrize("verb", ["fit", "train"])
def test_models_that_are_none(
    refused: Refused, reviews_csv: Path, tmp_path: Path, tiny_model_dir: Path, verb: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for model, says in (
        ("distilbert-bse", "Did you mean"),
        ("qqqqqqqq", "fitwright models"),
        ("./absent", "absent"),
        (empty, "config.json"),
        (tiny_model_dir / "config.json", "config.json"),
        ("", "model"),
    ):
        assert says in refused(verb, reviews_csv, "-m", model, "-o", "out")


def test_a_model_that_only_the_hub_has(refused: Refused, reviews_csv: Path, work: Path) -> None:
    line = refused("train", reviews_csv, "-m", "distilbert-base", "-o", "out", code=3)
    assert "the Hub cannot be reached" in line
    assert "local model directory" in line


def test_after_a_model_that_could_not_be_had_another_one_is_taken(
    work: Path, reviews_csv: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The first command leaves a workspace with nothing of worth in it: the corrected one is not refused."""
    from fitwright.pipeline import fit as module

    assert run(["fit", str(reviews_csv), "-m", "distilbert-base", "-o", "out"]) == 3
    assert "the Hub cannot be reached" in capsys.readouterr().err

    class Reached(Exception):
        pass

    def train(*_: object) -> None:
        raise Reached

    monkeypatch.setattr(module, "train_model", train)
    assert run(["fit", str(reviews_csv), "-m", str(tiny_model_dir), "-o", "out"]) == 3
    assert "unexpected: Reached" in capsys.readouterr().err


DAMAGE = {
    "config.json": (b"{", "config.json"),
    "model.safetensors": (b"\x00" * 50, ""),
    "tokenizer.json": (b"{", "tokenizer"),
}


@pytest.mark.parametrize("file", DAMAGE)
@pytest.mark.parametrize("verb", ["fit", "train"])
def test_a_damaged_model(
    work: Path, reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path, verb: str, file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    broken = Path(shutil.copytree(tiny_model_dir, tmp_path / "broken"))
    content, says = DAMAGE[file]
    (broken / file).write_bytes(content)
    assert run([verb, str(reviews_csv), "-m", str(broken), "-o", "out"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.count("error: ") == 1
    assert "unexpected" not in err
    assert says in err.splitlines()[-1]
    assert "broken" in err.splitlines()[-1]
    assert not list(work.rglob("*.safetensors"))


def test_a_truncated_teacher_is_named_when_it_is_shrunk_or_served(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    broken = Path(shutil.copytree(tiny_model_dir, tmp_path / "broken"))
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    assert "broken" in refused("train", reviews_csv, "-m", broken, "-o", "out")


def test_an_output_that_holds_something_else(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, work: Path
) -> None:
    (work / "thesis").mkdir()
    write(work / "thesis" / "thesis.tex", "precious")
    for verb in ("fit", "train"):
        line = refused(verb, reviews_csv, "-m", tiny_model_dir, "-o", "thesis")
        assert "another --output" in line
    assert (work / "thesis" / "thesis.tex").read_text() == "precious"


def test_an_output_that_is_a_file_or_below_one(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, work: Path
) -> None:
    write(work / "file", "")
    for verb in ("fit", "train"):
        for output in ("file", "file/below"):
            before = refused(verb, reviews_csv, "-m", tiny_model_dir, "-o", output, code=_code(verb, output))
            assert "file" in before


def _code(verb: str, output: str) -> int:
    return 2 if (verb, output) == ("train", "file") else 3


def test_compress_needs_a_model_that_it_can_take_apart(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path
) -> None:
    given = ("--budget", "size=0.3x", "-o", "out")
    assert "not a model directory" in refused("compress", "absent", reviews_csv, *given)
    assert "fitwright train" in refused("compress", tiny_model_dir, reviews_csv, *given)


def test_two_commands_in_one_workspace(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, work: Path
) -> None:
    from fitwright.core.files import folder_lock

    with folder_lock(work / "out"):
        line = refused(*fit_arguments(reviews_csv, tiny_model_dir, Path("out")), code=3)
    assert "another fitwright command is at work in out" in line


@pytest.mark.parametrize("name", ["fit.json", "stages/profile.json"])
def test_a_damaged_workspace_names_the_file_to_delete(
    refused: Refused, reviews_csv: Path, tiny_model_dir: Path, work: Path, name: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from fitwright.pipeline import fit as module

    def train(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train_model", train)
    arguments = fit_arguments(reviews_csv, tiny_model_dir, Path("out"))
    assert run(arguments) == 130
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "error: interrupted; the same command continues where it stopped."
    write(work / "out" / name, "{ half")
    assert Path(name).stem in refused(*arguments)


def test_a_port_that_is_taken(refused: Refused, tiny_bundle: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        line = refused("serve", tiny_bundle, "--port", taken.getsockname()[1], code=3)
    assert "is taken" in line


FULL_DISK = (
    "import resource, sys; from fitwright.cli.main import run\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))\n"
    "sys.exit(run(sys.argv[2:]))\n"
)


def on_a_full_disk(limit_bytes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command where no file may grow beyond ``limit_bytes``: the kernel refuses, as on a full disk."""
    command = [sys.executable, "-c", FULL_DISK, str(limit_bytes), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert errors == done.stderr.splitlines()[-1:]
    return errors[0]


@pytest.mark.parametrize("limit_bytes", [2_000_000, pytest.param(200, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_while_training(
    work: Path, reviews_csv: Path, tiny_model_dir: Path, limit_bytes: int
) -> None:
    """A checkpoint of the tiny model is 12 MB; the curves are some hundred bytes."""
    options = ("--epochs", "1", "--max-length", "32", "--precision", "fp32")
    line = one_line(
        on_a_full_disk(limit_bytes, "train", reviews_csv, "-m", tiny_model_dir, "-o", work / "out", *options)
    )
    assert "cannot write" in line
    assert not (work / "out").exists()
    assert not list(work.rglob("state.json"))


def test_a_disk_that_is_full_while_exporting(work: Path, tiny_bundle: Path) -> None:
    line = one_line(on_a_full_disk(1_000_000, "export", tiny_bundle, "-o", work / "out"))
    assert "cannot write" in line
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_while_the_model_directory_or_bundle_is_written(
    refused: Refused, work: Path, tiny_model_dir: Path, tmp_path: Path, number: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from fitwright.core.errors import RunError
    from fitwright.pipeline.bundle import assemble
    from fitwright.spec.manifest import Manifest

    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    engine = tmp_path / "engine"
    (engine / "engines").mkdir(parents=True)
    manifest = Manifest(kind="model", stage="train", task="text-classification")
    manifest.write(engine)
    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(RunError, match=r"cannot write .*bundle: the disk"):
        assemble(
            tiny_model_dir, engine, work / "bundle", parent=manifest, records=(), settings={}, provenance={}
        )
    assert list(work.iterdir()) == []


def test_a_process_of_its_own_says_it_the_same_way(work: Path, tiny_model_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fitwright", "fit", "absent.csv", "-m", str(tiny_model_dir), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert list(work.iterdir()) == []


def test_the_machine_readable_result_is_never_half_an_answer(
    work: Path, reviews_csv: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*fit_arguments(reviews_csv, tiny_model_dir, Path("out"), budget="speed=1"), "--json"]) == 2
    out = capsys.readouterr().out
    assert out == ""
    with pytest.raises(json.JSONDecodeError):
        json.loads(out)
