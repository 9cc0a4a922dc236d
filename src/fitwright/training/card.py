"""The model card (``README.md``) of a model directory, in the Hub's form."""

from __future__ import annotations

from fitwright.core.units import format_count, format_seconds
from fitwright.modeling.local_attention import LocalAttention
from fitwright.spec.manifest import Manifest
from fitwright.training.history import History
from fitwright.training.tasks.interface import Task

_LOCAL_USE = """from fitwright.modeling.local_attention import register_local_attention

register_local_attention()
"""


def model_card(manifest: Manifest, history: History, task: Task, local: LocalAttention | None = None) -> str:
    """Markdown with the YAML head that the Hub reads. ``local``: how the model attends in long rows."""
    best = history.best
    data, source = manifest.data, manifest.made_from
    versions = manifest.provenance.get("versions", {})
    lines = [
        "---",
        "library_name: transformers",
        f"pipeline_tag: {manifest.task}",
        "tags: [fitwright]",
        "---",
        "",
        f"# {manifest.task}{_labels(manifest)}",
        "",
        f"Made by `fitwright` ({manifest.stage}) from `{source.get('model')}`.",
        "",
        "| | |",
        "|---|---|",
        f"| Rows (train / validation / test) | {' / '.join(str(n) for n in data.get('split_rows', ()))} |",
        f"| Data fingerprint (SHA-256) | `{data.get('fingerprint')}` |",
        f"| Validation {history.metric} | {_score(history)} |",
        f"| Validation loss | {best.validation_loss:.4f} |",
        f"| Trained parameters | {_trained(history)} |",
        *_continued(history),
        f"| Precision | {history.precision} |",
        f"| Training time | {format_seconds(history.seconds)} |",
        f"| Seed | {manifest.seed} |",
        f"| Longest input | {manifest.max_length} tokens; longer ones are cut |",
        *_attention(local),
        "",
        "## Use",
        "",
        "```python",
        *(_LOCAL_USE.splitlines() if local is not None else ()),
        *task.usage().splitlines(),
        "```",
        "",
        "## Rebuild",
        "",
        "```text",
        str(manifest.provenance.get("command", "")),
        "```",
        "",
        "Made with " + ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "",
        "Limits: measured on the held-out part of the data above and on nothing else.",
        "",
    ]
    return "\n".join(lines)


def _attention(local: LocalAttention | None) -> list[str]:
    if local is None:
        return []
    return [
        f"| Attention | {local.window} tokens to each side and the first one, in rows above {local.above}; "
        "`transformers` alone refuses to load the model |"
    ]


def _score(history: History) -> str:
    return f"{history.shown.text(history.best.score)} (epoch {history.best_epoch + 1})"


def _trained(history: History) -> str:
    trained, total = history.trained_parameters, history.total_parameters
    return f"{format_count(trained)} ({history.method}), of a model of {format_count(total)}"


def _continued(history: History) -> list[str]:
    name, text = history.metric, history.shown.text
    return [
        f"| Test {name}, {which} task | {text(found['before'][name])}, then {text(found['after'][name])} |"
        for which, found in history.continued.items()
    ]


def _labels(manifest: Manifest) -> str:
    shown = ", ".join(manifest.labels[:8])
    return f": {shown}{' …' if len(manifest.labels) > 8 else ''}" if shown else ""
