"""Profiles are files that are found again, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fitwright.core.errors import UsageError
from fitwright.core.home import home
from fitwright.sizing.pricing.profile import Profile, device_key, path_of
from tests.sizing.pricing.machines import curve, profile


def test_what_is_saved_is_found() -> None:
    made = profile(torch__infer__module_s=1e-5)
    path = made.save()
    assert path == home() / "profiles" / "made-up.json"
    found = Profile.find("made-up")
    assert found is not None
    assert found.as_json() == made.as_json()
    assert found.constants == {"torch/infer/module_s": 1e-5}


def test_a_machine_that_was_not_profiled_has_none() -> None:
    assert Profile.find("nowhere") is None
    assert Profile.find() is None


def test_the_key_tells_processors_threads_and_versions_apart() -> None:
    versions = {"torch": "2.13.0+cpu", "onnxruntime": "1.31.1"}
    one = device_key(name="AMD EPYC 9B45 @ 2.6GHz", cores=8, threads=2, versions=versions)
    assert one == "amd-epyc-9b45-2.6ghz-8c-2t-torch2.13.0+cpu-onnxruntime1.31.1"
    others = {
        device_key(name="AMD EPYC 9B45 @ 2.6GHz", cores=8, threads=4, versions=versions),
        device_key(name="AMD EPYC 9B45 @ 2.6GHz", cores=8, threads=2, versions={"torch": "2.14.0"}),
        device_key(name="Xeon", cores=8, threads=2, versions=versions),
    }
    assert len(others | {one}) == 4
    assert path_of(one).parent == home() / "profiles"


def test_a_run_of_one_engine_keeps_what_was_known_of_the_other() -> None:
    former = profile(
        {"onnxruntime/int8/linear": curve()}, onnxruntime__session_s=1e-5, torch__infer__step_s=1.0
    )
    new = profile({"torch/bf16/linear": curve()}, torch__infer__step_s=2.0)
    both = new.added_to(former)
    assert set(both.surfaces) == set(former.surfaces) | set(new.surfaces)
    assert both.surfaces["torch/fp32/add"] is new.surfaces["torch/fp32/add"]
    assert both.constants == {"onnxruntime/session_s": 1e-5, "torch/infer/step_s": 2.0}
    assert both.notes[-1] == "not measured in this run but on 2026-11-21: 1 of the surfaces"
    assert new.added_to(None) is new
    assert new.added_to(profile()) is new


def test_precisions_are_those_whose_products_were_measured() -> None:
    machine = profile({"onnxruntime/int8/linear": curve(), "onnxruntime/fp32/add": curve()})
    assert machine.engines == ("onnxruntime", "torch")
    assert machine.precisions("torch") == ("fp32",)
    assert machine.precisions("onnxruntime") == ("int8",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"), ("[]", "not a device profile"),
        ('{"schema": "other/9"}', "not a device profile"),
        ('{"schema": "fitwright.device-profile/2"}', "broken device profile"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        Profile.load(path)


def test_a_profile_with_a_damaged_surface_is_refused(tmp_path: Path) -> None:
    data = profile().as_json()
    data["surfaces"]["torch/fp32/linear"]["cells"] = [["fast"]]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match="not a surface"):
        Profile.load(path)
