"""Find the smallest Transformer that does the job on the hardware at hand, prove it, and ship it.

Every verb of the command line is a function here, imported when it is first used:

    >>> import fitwright
    >>> rows = fitwright.compare(["bert-base", "distilbert-base"])
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_VERBS = {
    "check_environment": "environment",
    "check_table": "check_table",
    "clear_ledger": "ledger",
    "compare": "compare",
    "compress": "compress",
    "doctor": "doctor",
    "estimate": "estimate",
    "evaluate": "evaluate",
    "export": "export",
    "fit": "fit",
    "ledger": "ledger",
    "lock_environment": "environment",
    "models": "models",
    "predict": "predict",
    "profile": "profile",
    "recommend": "recommend",
    "report": "report",
    "reproduce": "reproduce",
    "serve": "serve",
    "study_best": "study",
    "study_design": "study_ladder",
    "study_fit": "study",
    "study_predict": "study",
    "study_report": "study",
    "study_run": "study_ladder",
    "train": "train",
    "validate_profile": "profile",
}
"""Verb → the module of ``fitwright.api`` that holds it."""

__all__ = ["__version__", *sorted(_VERBS)]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(f"fitwright.api.{_VERBS[name]}"), name)
    raise AttributeError(f"module 'fitwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
