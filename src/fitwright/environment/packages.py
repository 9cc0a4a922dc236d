"""Are the packages there, in range, and at peace with each other?"""

from __future__ import annotations

from fitwright.environment.check import Check
from fitwright.environment.installed import EXTRAS, Installed, canonical, closure, requirements

_WHAT_FOR = {
    "train": "train, compress, export, evaluate and fit",
    "serve": "predict and serve",
    "openvino": "the OpenVINO engine",
    "ray": "runs on several machines",
}
_COMMON = frozenset({"train", "serve"})
_SAME_FOLDER = (("onnxruntime", "onnxruntime-gpu"), ("opencv-python", "opencv-python-headless"))
"""Distributions that write into one folder: with both, the last one installed decides what works."""


def extra_checks(everything: dict[str, Installed]) -> list[Check]:
    """One check per extra: all its packages installed and in range."""
    return [_extra(extra, everything) for extra in EXTRAS]


def _extra(extra: str, everything: dict[str, Installed]) -> Check:
    own = everything.get("fitwright")
    name, mend = f"extra {extra}", f"pip install 'fitwright[{extra}]'"
    if own is None:
        return Check(
            name=name, status="warn", found="fitwright is not installed as a package", mend="pip install ."
        )
    base = {requirement.name for requirement in requirements(own)}
    needs = [requirement for requirement in requirements(own, (extra,)) if requirement.name not in base]
    missing = [r.name for r in needs if canonical(r.name) not in everything]
    wrong = [
        f"{r.name} {there.version} (needs {r.specifier})"
        for r in needs
        if (there := everything.get(canonical(r.name))) and not r.specifier.contains(there.version, True)
    ]
    if wrong:
        return Check(name=name, status="fail", found=f"out of range: {', '.join(wrong)}", mend=mend)
    if not missing:
        return Check(name=name, status="ok", found=f"{len(needs)} packages in range, for {_WHAT_FOR[extra]}")
    if extra in _COMMON:
        found = f"missing: {', '.join(missing)}; needed for {_WHAT_FOR[extra]}"
        return Check(name=name, status="warn", found=found, mend=mend)
    return Check(name=name, status="ok", found=f"not installed; optional, for {_WHAT_FOR[extra]} ({mend})")


def conflict_check(everything: dict[str, Installed]) -> Check:
    """Requirements among installed packages that do not hold.

    A broken requirement of something fitwright uses is a failure; one of another package about something
    fitwright uses (a torchvision made for another torch, say) is a warning.
    """
    used = closure(("fitwright",), everything)
    broken: list[tuple[str, str]] = []
    beside: list[tuple[str, str]] = []
    for package in everything.values():
        for requirement in requirements(package):
            name = canonical(requirement.name)
            there = everything.get(name)
            if package.name == "fitwright" or there is None or name not in used:
                continue
            if not requirement.specifier.contains(there.version, prereleases=True):
                line = f"{package.name} {package.version} needs {requirement}, {there.version} is installed"
                (broken if package.name in used else beside).append(
                    (line, str(requirement).partition(";")[0])
                )
    both = [pair for pair in _SAME_FOLDER if all(name in everything for name in pair)]
    return _conflicts(broken, beside, both)


def _conflicts(
    broken: list[tuple[str, str]], beside: list[tuple[str, str]], both: list[tuple[str, str]]
) -> Check:
    name = "package conflicts"
    if broken:
        mend = "pip install " + " ".join(f"'{requirement.strip()}'" for _, requirement in broken)
        return Check(name=name, status="fail", found="; ".join(line for line, _ in broken), mend=mend)
    if both:
        found = "; ".join(f"{one} and {other} share one folder" for one, other in both)
        return Check(
            name=name, status="fail", found=found, mend=f"pip uninstall {both[0][1]}, reinstall {both[0][0]}"
        )
    if beside:
        found = "; ".join(line for line, _ in beside)
        return Check(name=name, status="warn", found=found, mend="use a separate virtual environment")
    return Check(name=name, status="ok", found="none among the packages fitwright uses")
