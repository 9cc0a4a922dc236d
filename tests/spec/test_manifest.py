"""``fitwright.json``: written whole, read back equal, refused where it is another format or damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.spec.device import Device
from fitwright.spec.manifest import MANIFEST_NAME, SCHEMA, Manifest
from fitwright.spec.quantity import Quantity
from fitwright.spec.record import Record
from fitwright.spec.workload import Workload

FULL = Manifest(
    kind="bundle", stage="fit", task="text-classification", labels=("négatif", "正面"),
    made_from={"model": "some/model", "sha256": "ab"}, data={"rows": 3, "split": {"test": 0.2}},
    settings={"epochs": 3, "dropout": None}, seed=7, provenance={"command": "fitwright fit x"},
    records=(Record(subject="m", quantities={"size": Quantity.exact(3, "B")}, context={"rows": 3}),),
    engines={"onnxruntime": {"path": "engines/onnxruntime/model.onnx", "precision": "int8"}},
    default_engine="onnxruntime", max_length=48,
)  # fmt: skip


def test_it_reads_back_equal(tmp_path: Path) -> None:
    FULL.write(tmp_path)
    assert Manifest.read(tmp_path) == FULL
    assert [p.name for p in tmp_path.iterdir()] == [MANIFEST_NAME]
    assert "正面" in (tmp_path / MANIFEST_NAME).read_text(encoding="utf-8")


def test_records_are_added_to_a_copy() -> None:
    more = FULL.with_records(Record(subject="n"))
    assert [r.subject for r in more.records] == ["m", "n"]
    assert len(FULL.records) == 1


@pytest.mark.parametrize("schema", [SCHEMA + 1, "1", None])
def test_another_format_is_refused(tmp_path: Path, schema: object) -> None:
    data = {**FULL.as_json(), "schema": schema}
    (tmp_path / MANIFEST_NAME).write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UsageError, match="another version of its format"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\x00",
        "[]",
        '"text"',
        "{}",
        json.dumps({"schema": SCHEMA, "kind": "model", "stage": "train", "task": "t", "more": 1}),
        json.dumps({"schema": SCHEMA, "kind": "model"}),
        json.dumps({**FULL.as_json(), "records": [{"subject": "m"}]}),
        json.dumps({**FULL.as_json(), "records": [3]}),
        json.dumps({**FULL.as_json(), "labels": 3}),
    ],
)
def test_a_damaged_one_is_a_usage_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST_NAME).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"fitwright\.json") as caught:
        Manifest.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a model directory"):
        Manifest.read(tmp_path / "absent")
    with pytest.raises(UsageError, match=r"fitwright\.json not found"):
        Manifest.read(tmp_path)


def test_devices_and_workloads_refuse_nonsense() -> None:
    with pytest.raises(UsageError, match="unknown precision"):
        Device(name="x", kind="cpu", peak_flops={"fp8": 1.0})
    for bad in ({"mode": "dream"}, {"batch": 0}, {"seq": 0}, {"precision": "fp8"}):
        with pytest.raises(UsageError):
            Workload(**bad)  # type: ignore[arg-type]
    asked = {"mode": "infer", "batch": 2, "seq": 128, "precision": "fp32"}
    assert asked.items() <= Workload(batch=2).as_json().items()
    assert Device(name="x", kind="cpu").as_json()["memory_bytes"] is None
