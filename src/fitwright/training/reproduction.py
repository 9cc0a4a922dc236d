"""Train a model directory's run again from its record, and say whether the weights come out the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fitwright.core.errors import CheckError, UsageError
from fitwright.core.progress import Progress
from fitwright.modeling.comparison import WeightComparison, compare_weights
from fitwright.spec.manifest import Manifest
from fitwright.training.directory import read_history, weights_sha256
from fitwright.training.job import Job, train_model
from fitwright.training.settings import TrainSettings


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something about the two runs that is not the same: what, then and now."""

    what: str
    then: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What came of a reproduction.

    Attributes:
        model: the model directory that was reproduced.
        weights: the comparison of its weights with those of the new run.
        differences: what differs between the runs besides: versions, machine.
    """

    model: Path
    weights: WeightComparison
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        """Whether every bit is the same."""
        return not self.weights.different

    def as_json(self) -> dict[str, Any]:
        return {
            "model": str(self.model), "identical": self.identical, "tensors": self.weights.tensors,
            "different": list(self.weights.different), "largest_difference": self.weights.largest,
            "differences": [vars(difference) for difference in self.differences],
        }  # fmt: skip


def recorded_settings(model: Path) -> TrainSettings:
    """The settings of the run that made a model directory, with what it had chosen by itself.

    Raises:
        UsageError: it was not made by ``train``.
    """
    manifest = Manifest.read(model)
    if manifest.stage != "train":
        raise UsageError(
            "only what 'fitwright train' made can be reproduced", got=f"{model} (made by {manifest.stage})",
            mend="Give the command in its README.md again, and compare.",
        )  # fmt: skip
    history = read_history(model)
    known = {k: v for k, v in manifest.settings.items() if k in TrainSettings.__dataclass_fields__}
    return TrainSettings(**known).but(
        precision=history.precision, packing=history.packing, attention_backend=history.attention_backend
    )


def reproduce_run(model: Path, job: Job, progress: Progress) -> Reproduction:
    """Train ``job``, which must be that of ``model`` but for its output, and compare.

    Raises:
        CheckError: the data or the starting weights are not those of the record.
    """
    manifest, settings = Manifest.read(model), recorded_settings(model)
    inputs = (
        ("data fingerprint", manifest.data.get("fingerprint"), job.data.source.fingerprint),
        ("starting weights", manifest.made_from.get("sha256"), weights_sha256(job.source)),
        (
            "old data's fingerprint", manifest.data.get("replay", {}).get("fingerprint"),
            None if job.old is None else job.old.data.source.fingerprint,
        ),
    )  # fmt: skip
    for what, then, now in inputs:
        if then != now:
            raise CheckError(
                f"the {what} differs from the record's, so nothing was trained", got=now, allowed=str(then),
                mend="Give the same data and model with --data and --model.",
            )  # fmt: skip
    folder = train_model(job, settings, progress)
    old, new = read_history(model).processes, read_history(folder).processes
    others = (Difference(what="processes", then=str(old), now=str(new)),) if old != new else ()
    return Reproduction(
        model=model,
        weights=compare_weights(model, folder),
        differences=others + surroundings(manifest.provenance, job.provenance),
    )


def surroundings(then: Any, now: Any) -> tuple[Difference, ...]:
    """How two provenances differ in what may change bits: versions, Python, system, processor, cores."""
    found = [
        Difference(what=what, then=str(then.get(what)), now=str(now.get(what)))
        for what in ("python", "system", "processor", "cores")
        if then.get(what) != now.get(what)
    ]
    old, new = then.get("versions", {}), now.get("versions", {})
    return tuple(found) + tuple(
        Difference(what=name, then=str(old.get(name)), now=str(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    )
