"""Which models come into question at all: task, language, licence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fitwright.core.errors import UsageError
from fitwright.spec.model import ModelSpec

TASKS: Mapping[str, tuple[str, ...]] = {
    "text-classification": ("text-classification", "long-document classification"),
    "sentence-similarity": ("sentence-similarity",),
    "retrieval": ("retrieval",),
    "translation": ("translation",),
    "text-generation": ("text-generation", "code-generation"),
}
"""A task → the catalogue's tags that count for it, where they are more than the task's own name."""

EVERYDAY_TASKS: Mapping[str, str] = {
    "classification": "text-classification", "sentiment": "text-classification",
    "embedding": "sentence-similarity", "embeddings": "sentence-similarity", "search": "retrieval",
    "ner": "token-classification", "tagging": "token-classification", "qa": "question-answering",
    "nli": "natural-language-inference", "asr": "automatic-speech-recognition",
    "speech-to-text": "automatic-speech-recognition", "generation": "text-generation",
}  # fmt: skip
"""What people type → the task."""

LICENCE_GROUPS: Mapping[str, frozenset[str]] = {
    "permissive": frozenset({"apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0"}),
}
"""A group → its licences. Permissive: free to use, change and sell, with attribution and no copyleft."""

_MANY = "multilingual"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task. ``tags``: the catalogue's names that count for it."""

    name: str
    tags: frozenset[str]

    def matches(self, spec: ModelSpec) -> bool:
        return not self.tags.isdisjoint(spec.tasks)


def find_task(name: str, specs: Iterable[ModelSpec]) -> Task:
    """The task called ``name``, in the catalogue's words or in everyday ones.

    Raises:
        UsageError: no model of ``specs`` is published for it; lists the tasks that there are.
    """
    known = {tag for spec in specs for tag in spec.tasks}
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    canonical = EVERYDAY_TASKS.get(plain, plain)
    tags = frozenset(TASKS.get(canonical, (canonical,)))
    if tags.isdisjoint(known):
        raise UsageError("no model is published for this task", got=name, allowed=", ".join(sorted(known)))
    return Task(name=canonical, tags=tags)


def languages(spec: ModelSpec) -> frozenset[str]:
    """Codes that the model's source lists; ``multilingual (104 languages)`` counts as ``multilingual``."""
    return frozenset(language.partition(" ")[0].lower() for language in spec.languages)


def find_language(code: str, specs: Iterable[ModelSpec]) -> str:
    """``code`` in lower case.

    Raises:
        UsageError: neither two or three letters nor ``multilingual``; lists what the catalogue names.
    """
    plain = code.strip().lower()
    if plain == _MANY or (plain.isascii() and plain.isalpha() and len(plain) in (2, 3)):
        return plain
    known = sorted({found for spec in specs for found in languages(spec)})
    raise UsageError("not a language code", got=code, allowed=", ".join(known))


def language_fit(spec: ModelSpec, code: str) -> str:
    """``listed``, ``multilingual`` (perhaps: its source lists no codes), ``none``, ``no text`` (images)."""
    found = languages(spec)
    if not found:
        return "no text"
    if code in found:
        return "listed"
    return _MANY if _MANY in found else "none"


def find_licences(wanted: Sequence[str], specs: Iterable[ModelSpec]) -> frozenset[str]:
    """The licences that ``wanted`` names, groups opened, in lower case; empty: any.

    Raises:
        UsageError: neither a group nor a licence of any model; lists both.
    """
    known = {part for spec in specs for part in licence_parts(spec)}
    found: set[str] = set()
    for name in wanted:
        plain = name.strip().lower()
        if plain not in LICENCE_GROUPS and plain not in known:
            allowed = ", ".join([*LICENCE_GROUPS, *sorted(known)])
            raise UsageError("no model has this licence", got=name, allowed=allowed)
        found |= LICENCE_GROUPS.get(plain, {plain})
    return frozenset(found)


def licence_parts(spec: ModelSpec) -> tuple[str, ...]:
    """The licence in lower case; ``a / b`` is two, of which it is not known which one holds."""
    return tuple(part.strip().lower() for part in (spec.licence or "").split(" / ") if part.strip())


def licence_allowed(spec: ModelSpec, allowed: Collection[str]) -> bool:
    """Whether every licence that the model may be under is in ``allowed``; an unknown licence is not."""
    parts = licence_parts(spec)
    return bool(parts) and all(part in allowed for part in parts)
