from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fitwright.core.errors import RunError, UsageError
from fitwright.sizing.ledger import store
from fitwright.sizing.ledger.entry import Entry, Span
from tests.sizing.ledger.making import entry

APPEND = """
import json, sys
from pathlib import Path
from fitwright.sizing.ledger import store
from fitwright.sizing.ledger.entry import Entry
line = json.loads(sys.argv[2])
for number in range(int(sys.argv[4])):
    store.append([Entry.from_json({**line, "model": f"{sys.argv[3]}-{number}"})] * 2, Path(sys.argv[1]))
"""
FULL_DISK = """
import json, resource, sys
from pathlib import Path
from fitwright.sizing.ledger import store
from fitwright.sizing.ledger.entry import Entry
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
said = []
kept = store.keep([Entry.from_json(json.loads(sys.argv[2]))], said.append, Path(sys.argv[1]))
print(json.dumps([kept, said]))
"""


def run(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def test_what_is_written_is_read(own_home: Path) -> None:
    first = entry(0.1, raw=0.011, versions={"torch": "2.13.0"}, profile_id="p1", shape="abc", disturbed=True)
    second = entry(-0.2, model="模型", threads=None)
    store.append([first])
    store.append([second])
    found = store.read()
    assert found.path == own_home / "ledger.jsonl"
    assert found.entries == (first, second)
    assert (found.damaged, found.unknown, found.skipped()) == (0, 0, "")


def test_no_ledger_is_an_empty_one(tmp_path: Path) -> None:
    assert store.read(tmp_path / "none.jsonl").entries == ()
    assert store.clear(lambda _: True, tmp_path / "none.jsonl") == 0
    assert list(tmp_path.iterdir()) == []


def test_it_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    store.append([entry(), entry(model="other")], path)
    assert path.stat().st_mode & 0o777 == 0o600
    store.clear(lambda e: e.model == "other", path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    store.append([entry(), entry(seq=33)], path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])  # the machine went down in the middle of the second line
    found = store.read(path)
    assert (len(found.entries), found.damaged) == (1, 1)
    store.append([entry(seq=34)], path)
    found = store.read(path)
    assert [e.seq for e in found.entries] == [32, 34]
    assert "1 line damaged" in found.skipped()


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "dream"}, {"source": "hearsay"}, {"unit": "parsec"}, {"when": "yesterday"},
        {"when": "2026-11-20T12:00:00"}, {"batch": 0}, {"seq": "many"}, {"model": ""}, {"raw": -1.0},
        {"estimated": None}, {"measured": {"value": 0.0, "low": 0.0, "high": 0.0}},
        {"measured": {"value": 1.0, "low": 2.0, "high": 3.0}},
        {"measured": {"value": "1", "low": 1.0, "high": 3.0}},
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_is_damaged(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "ledger.jsonl"
    good = entry().as_json()
    path.write_text(json.dumps({**good, **change}) + "\n" + json.dumps(good) + "\n")
    found = store.read(path)
    assert (len(found.entries), found.damaged) == (1, 1)


def test_other_schemas_and_rubbish_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    newer = {**entry().as_json(), "schema": 99}
    lines = [json.dumps(newer).encode(), b"\xff\xfe", b"[1]", b"", json.dumps(entry().as_json()).encode()]
    path.write_bytes(b"\n".join(lines))  # a last line without its end is whole all the same
    found = store.read(path)
    assert (len(found.entries), found.damaged, found.unknown) == (1, 2, 1)
    assert "2 lines damaged and 1 line written by another version" in found.skipped()


def test_a_key_of_the_future_does_not_hurt(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps({**entry().as_json(), "colour": "red"}) + "\n")
    assert store.read(path).entries == (entry(),)


def test_many_processes_append_at_once(tmp_path: Path) -> None:
    path, line = tmp_path / "deep" / "ledger.jsonl", json.dumps(entry().as_json())
    running = [run(APPEND, path, line, f"process {number}", 40) for number in range(4)]
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    found = store.read(path)
    assert found.damaged == 0
    assert sorted(e.model for e in found.entries) == sorted(
        2 * [f"process {process}-{number}" for process in range(4) for number in range(40)]
    )


def test_a_full_disk_is_said_once_and_leaves_the_ledger_whole(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    store.append([entry()], path)
    before = path.read_bytes()
    kept, said = json.loads(run(FULL_DISK, path, json.dumps(entry().as_json())).communicate(timeout=60)[0])
    assert kept is False
    assert len(said) == 1
    assert "larger than this system allows" in said[0]
    assert path.read_bytes() == before


def test_a_home_that_cannot_be_warns_once_and_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FITWRIGHT_HOME", str(tmp_path / "file" / "home"))
    said: list[str] = []
    assert store.keep([entry()], said.append) is False
    assert store.keep([entry()], said.append) is False
    assert len(said) == 1
    assert said[0].startswith("warning: the ledger of estimates was not written")
    with pytest.raises(RunError, match="not a folder"):
        store.append([entry()])


def test_clearing_takes_what_is_chosen_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    store.append([entry(model=name) for name in ("a", "b", "a", "c")], path)
    with path.open("ab") as file:
        file.write(b"not an entry\n")
    assert store.clear(lambda e: e.model == "a", path) == 2
    found = store.read(path)
    assert [e.model for e in found.entries] == ["b", "c"]
    assert found.damaged == 1
    assert store.clear(lambda _: True, path) == 2
    assert path.read_bytes() == b"not an entry\n"


def test_only_the_end_is_read_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    store.append([entry(seq=1 + n) for n in range(100)], path)
    one = path.stat().st_size // 100
    found = store.read(path, last_bytes=10 * one)
    assert found.damaged == 0
    assert 8 <= len(found.entries) <= 10
    assert found.entries[-1].seq == 100


def test_residuals_are_free_of_the_correction_that_was_told() -> None:
    told = entry(raw=0.005)
    assert told.told_residual == pytest.approx(0)
    assert told.residual == pytest.approx(0.6931, abs=1e-4)
    assert entry(1.0).held
    assert not entry(1.2).held


def test_an_entry_must_be_whole() -> None:
    with pytest.raises(UsageError, match="evaluate, fit"):
        dataclasses.replace(entry(), source="hearsay")
    with pytest.raises(UsageError, match="interval"):
        Span(value=1.0, low=1.5, high=2.0)
    with pytest.raises(UsageError, match="zone"):
        Entry.from_json({**entry().as_json(), "when": "2026-11-20T12:00:00"})
