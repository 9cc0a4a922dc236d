"""Layer-dropping distillation: a student made of some of its teacher's layers, taught by all of them.

Loss = T²·KL(teacher ‖ student at temperature T) + w·mean squared distance of the hidden states after each
kept layer, over real tokens. Sources: Hinton et al. 2015 (temperature), Sanh et al. 2019 (students from the
teacher's layers), Jiao et al. 2020, TinyBERT (hidden states). No dropout: the target is the teacher's own
function.

Legend of shape suffixes: B rows, T tokens, N real tokens of the batch, C classes, W width.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.progress import Progress
from fitwright.modeling.classifier import load_classifier
from fitwright.modeling.layers import count_layers, keep_layers, spread
from fitwright.training.batches import Batch
from fitwright.training.directory import is_finished
from fitwright.training.job import Job, execute, run_key, set_dropout
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class DistilSettings:
    """Settings of one distillation.

    Attributes:
        layers: of the student, fewer than the teacher's.
        temperature: T above.
        hidden_weight: w above.
        train: the loop's own settings.
    """

    layers: int
    temperature: float = 2.0
    hidden_weight: float = 0.5
    train: TrainSettings = field(
        default_factory=lambda: TrainSettings(epochs=4, learning_rate=1e-4, dropout=0.0)
    )

    def __post_init__(self) -> None:
        if self.layers < 1:
            raise UsageError("layers must be at least 1", got=self.layers)
        if self.temperature <= 0 or self.hidden_weight < 0:
            raise UsageError(
                "temperature must be above 0 and hidden_weight at least 0",
                got=(self.temperature, self.hidden_weight),
            )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Distillation:
    """The objective. Holds the frozen teacher."""

    def __init__(self, teacher: nn.Module, kept: tuple[int, ...], settings: DistilSettings) -> None:
        self.teacher = teacher.eval().requires_grad_(False)
        self.kept, self.settings = kept, settings

    def __call__(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        import torch

        self.teacher.to(batch.labels.device)
        inputs = {**batch.inputs, "output_hidden_states": True}
        with torch.no_grad():
            target = self.teacher(**inputs)
        answer = model(**inputs)
        loss: torch.Tensor = self._logits_loss(answer.logits, target.logits) / batch.step.rows
        if self.settings.hidden_weight:
            real_BT = batch.inputs["attention_mask"].bool()
            distances = [
                torch.nn.functional.mse_loss(
                    answer.hidden_states[mine + 1][real_BT].float(),
                    target.hidden_states[theirs + 1][real_BT].float(),
                )
                * (batch.counts.tokens / batch.step.tokens)
                for mine, theirs in enumerate(self.kept)
            ]
            loss = loss + self.settings.hidden_weight * sum(distances) / len(distances)
        return loss

    def _logits_loss(self, student_BC: torch.Tensor, teacher_BC: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import kl_div, log_softmax

        temperature = self.settings.temperature
        student_log_BC = log_softmax(student_BC.float() / temperature, dim=-1)
        teacher_log_BC = log_softmax(teacher_BC.float() / temperature, dim=-1)
        loss = kl_div(student_log_BC, teacher_log_BC, reduction="sum", log_target=True)
        return loss * temperature**2


def distil(job: Job, settings: DistilSettings, progress: Progress) -> Path:
    """Teach a student of ``settings.layers`` layers; ``job.source`` is the teacher's model directory.

    Returns the student's model directory; finished ones are returned as they are, interrupted ones continued.
    """
    plain = settings.as_json()
    plain["train"].pop("checkpoint_s")
    key = run_key(job, "distil", plain)
    if is_finished(job.output, key, overwrite=job.overwrite):
        progress.say(f"{job.output}: already distilled, nothing to do")
        return job.output
    import torch

    torch.manual_seed(settings.train.seed)
    teacher = load_classifier(job.source, job.data.labels)
    layers = count_layers(teacher)
    if settings.layers >= layers:
        raise UsageError(
            "a student must have fewer layers than its teacher",
            got=settings.layers,
            allowed=f"1 to {layers - 1}",
        )
    kept = spread(layers, settings.layers)
    student = keep_layers(teacher, kept)
    set_dropout(student, settings.train.dropout)
    extra = {"distil": {"kept_layers": list(kept), "temperature": settings.temperature,
                        "hidden_weight": settings.hidden_weight}}  # fmt: skip
    objective = Distillation(teacher, kept, settings)
    execute(
        job, settings.train, student, objective, stage="distil", key=key, progress=progress,
        extra_settings=extra, also=(teacher,),
    )  # fmt: skip
    return job.output
