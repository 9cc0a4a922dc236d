"""Extractive question answering: where in a context the answer to a question stands, if it does.

As SQuAD is trained on (Devlin et al. 2019): a long context is read in overlapping windows, each with the
question before it; a window without the whole answer answers with its first token.

Legend of shape suffixes: B windows of a batch, T tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from fitwright.core.errors import UsageError
from fitwright.data.kinds.questions import Answer, AnsweredQuestions, load_questions
from fitwright.metrics.answers import answer_scores
from fitwright.modeling.classifier import save_classifier
from fitwright.modeling.pretrained import load_pretrained
from fitwright.training.batches import Batch, EncodedRows, sorted_batches
from fitwright.training.settings import TrainSettings
from fitwright.training.tasks.answer_spans import AnswerWindow, BestAnswers, best_spans, window_labels
from fitwright.training.tasks.interface import Metric, TaskData
from fitwright.training.tasks.splitting import split_data
from fitwright.training.tasks.text import fast_tokenizer, reads_types
from fitwright.training.windows import RowsOf, windows_of

if TYPE_CHECKING:
    import torch
    from torch import nn

EVALUATION_BATCH = 32
_UNANSWERABLE = "fitwright_has_unanswerable"
"""Entry of the config: whether the training part had questions without an answer."""


@dataclass(frozen=True, kw_only=True)
class QuestionAnswering:
    """The task.

    Attributes:
        stride: tokens of the context that neighbouring windows share.
        max_answer_tokens: the longest answer that is given.
    """

    stride: int = 32
    max_answer_tokens: int = 30
    name: ClassVar[str] = "question-answering"
    metric: ClassVar[Metric] = Metric(name="f1")

    def __post_init__(self) -> None:
        if self.stride < 0 or self.max_answer_tokens < 1:
            raise UsageError(
                "stride must be at least 0 and max_answer_tokens at least 1",
                got=(self.stride, self.max_answer_tokens),
            )

    def read(self, path: Path, columns: Mapping[str, str], settings: TrainSettings) -> TaskData:
        dataset, source = load_questions(path, columns=columns)
        return split_data(dataset, source, settings)

    def load_model(self, source: Path, data: TaskData) -> nn.Module:
        model = load_pretrained(
            "AutoModelForQuestionAnswering", source, "a model that answers questions", new_head=True
        )
        setattr(model.config, _UNANSWERABLE, any(not answers for answers in data.train.answers))
        return model

    def encode(
        self, rows: AnsweredQuestions, source: Path, work: Path, max_length: int
    ) -> RowsOf[AnsweredQuestions]:
        tokenizer, types = fast_tokenizer(source, work, max_length), reads_types(source)
        ids: list[list[int]] = []
        type_ids: list[list[int]] = []
        windows: list[AnswerWindow] = []
        pairs = list(zip(rows.questions, rows.contexts, strict=True))
        for question, encoding in enumerate(tokenizer.encodings(pairs, cut=False)):
            answer = next(iter(rows.answers[question]), None)
            for places in windows_of(encoding, max_length, self.stride, text=1):
                ids.append([encoding.ids[place] for place in places])
                type_ids.append([encoding.type_ids[place] for place in places])
                windows.append(_window(question, encoding, places, answer))
        lines = EncodedRows(
            token_ids=ids, labels=windows, pad_id=tokenizer.pad_id, limit=max_length, collate=window_labels,
            more={"token_type_ids": type_ids} if types else {},
        )  # fmt: skip
        return RowsOf(lines=lines, origin=rows)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy over windows of where the answer begins and ends, in nats."""
        start_BT, end_BT = _logits(model, batch)
        return _loss_sum(start_BT, end_BT, batch) / batch.step.rows

    def evaluate(self, model: nn.Module, rows: Any, device: torch.device) -> dict[str, float]:
        """Mean cross-entropy over windows (nats); exact match and F1 over questions, in fp32.

        The best answer of all windows of a question is taken. Where training saw questions without an answer,
        none is given if that is likelier in every window (SQuAD 2.0's rule at threshold 0).
        """
        import torch

        model.eval()
        windows: RowsOf[AnsweredQuestions] = rows
        best = BestAnswers(len(windows.origin))
        loss_sum = 0.0
        with torch.inference_mode():
            for chosen, batch in sorted_batches(windows, EVALUATION_BATCH, device):
                start_BT, end_BT = _logits(model, batch)
                loss_sum += float(_loss_sum(start_BT, end_BT, batch))
                asked = [windows.lines.labels[row] for row in chosen]
                found = best_spans(start_BT, end_BT, asked, self.max_answer_tokens)
                for window, (span, score, null) in zip(asked, found, strict=True):
                    best.offer(window.question, span, score, null)
        may_be_none = bool(getattr(model.config, _UNANSWERABLE, False))
        texts = best.texts(windows.origin.contexts, may_be_none=may_be_none)
        truth = [[answer.text for answer in answers] for answers in windows.origin.answers]
        return {"loss": loss_sum / len(windows), **asdict(answer_scores(truth, texts))}

    def save(self, model: nn.Module, source: Path, folder: Path) -> None:
        save_classifier(model, source, folder)

    def usage(self) -> str:
        return (
            "from transformers import AutoModelForQuestionAnswering, AutoTokenizer\n\n"
            'tokenizer = AutoTokenizer.from_pretrained(".")\n'
            'model = AutoModelForQuestionAnswering.from_pretrained(".")\n'
            'inputs = tokenizer(question, context, return_tensors="pt")\n'
            "output = model(**inputs)\n"
            "first, last = int(output.start_logits.argmax()), int(output.end_logits.argmax())\n"
            'answer = tokenizer.decode(inputs["input_ids"][0, first : last + 1])'
        )


def _window(question: int, encoding: Any, places: Sequence[int], answer: Answer | None) -> AnswerWindow:
    """One window of a question's encoding, with the answer where it holds it whole."""
    begin = next((i for i, place in enumerate(places) if encoding.sequence_ids[place] == 1), len(places))
    offsets = tuple(encoding.offsets[place] for place in places if encoding.sequence_ids[place] == 1)
    window = AnswerWindow(question, begin, offsets)
    return window if answer is None else window.with_answer(answer.start, answer.start + len(answer.text))


def _logits(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the answer begins and ends, (B, T) fp32 each; padding has none of the probability."""
    output = model(**batch.inputs)
    padding_BT = batch.inputs["attention_mask"] == 0
    start_BT, end_BT = (
        logits.float().masked_fill(padding_BT, float("-inf"))
        for logits in (output.start_logits, output.end_logits)
    )
    return start_BT, end_BT


def _loss_sum(start_BT: torch.Tensor, end_BT: torch.Tensor, batch: Batch) -> torch.Tensor:
    from torch.nn.functional import cross_entropy

    sides = zip((start_BT, end_BT), batch.labels.unbind(-1), strict=True)
    first, last = (cross_entropy(logits_BT, places_B, reduction="sum") for logits_BT, places_B in sides)
    return (first + last) / 2
