"""The Hugging Face text-classification task: request and answer.

Source: the task's JSON schemas in ``@huggingface/tasks`` (``tasks/text-classification/spec``), as
``huggingface_hub.InferenceClient.text_classification`` sends and reads them. A list of texts is the usual
extension; every text has its own list of classes in the answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitwright.engines.classifier import softmax
from fitwright.serving.errors import InvalidRequestError, TooLargeError, UnreadableRequestError
from fitwright.serving.settings import ServeSettings

FUNCTIONS = ("softmax", "sigmoid", "none")

REQUEST_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "inputs": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "parameters": {
            "type": "object",
            "properties": {
                "top_k": {"type": "integer", "minimum": 1},
                "function_to_apply": {"type": "string", "enum": list(FUNCTIONS)},
            },
        },
    },
}
"""For the OpenAPI description of the service."""


@dataclass(frozen=True, kw_only=True)
class ClassificationRequest:
    """A checked request.

    Attributes:
        texts: one or more.
        top_k: classes to answer with, best first; ``None`` means all.
        function_to_apply: from logits to scores; ``None`` means softmax, sigmoid for a single class.
    """

    texts: tuple[str, ...]
    top_k: int | None = None
    function_to_apply: str | None = None


def parse(body: bytes, limits: ServeSettings) -> ClassificationRequest:
    """Read a request's body.

    Raises:
        UnreadableRequestError, InvalidRequestError, TooLargeError: see ``serving.errors``.
    """
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        line = str(error).splitlines()[0]
        raise UnreadableRequestError(f"the body is not JSON: {line}") from None
    if not isinstance(given, dict) or "inputs" not in given:
        raise InvalidRequestError("the body must be an object with 'inputs', a text or a list of texts")
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidRequestError("'parameters' must be an object", got=type(parameters).__name__)
    return ClassificationRequest(texts=_texts(given["inputs"], limits), **_parameters(parameters))


def _texts(inputs: Any, limits: ServeSettings) -> tuple[str, ...]:
    texts = (inputs,) if isinstance(inputs, str) else inputs
    if not isinstance(texts, (list, tuple)) or not texts or not all(isinstance(t, str) for t in texts):
        raise InvalidRequestError("'inputs' must be a text or a list of at least one text")
    if len(texts) > limits.max_request_rows:
        raise TooLargeError(
            "too many texts in one request", got=len(texts), allowed=f"at most {limits.max_request_rows}"
        )
    longest = max(map(len, texts))
    if longest > limits.max_text_characters:
        raise TooLargeError(
            "a text has too many characters", got=longest, allowed=f"at most {limits.max_text_characters}"
        )
    return tuple(texts)


def _parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in parameters.items() if value is not None}
    unknown = sorted(set(given) - {"top_k", "function_to_apply"})
    if unknown:
        raise InvalidRequestError("unknown parameter", got=unknown[0], allowed="top_k, function_to_apply")
    top_k = given.get("top_k")
    if top_k is not None and (isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1):
        raise InvalidRequestError("'top_k' must be a whole number of at least 1", got=top_k)
    function = given.get("function_to_apply")
    if function is not None and function not in FUNCTIONS:
        raise InvalidRequestError("unknown 'function_to_apply'", got=function, allowed=", ".join(FUNCTIONS))
    return given


def answer(
    logits_NC: NDArray[np.float32], labels: Sequence[str], request: ClassificationRequest
) -> list[list[dict[str, Any]]]:
    """For each text its classes, best first: ``[[{"label", "score"}, ...], ...]``."""
    scores_NC = _scores(logits_NC, request.function_to_apply)
    order_NC = np.argsort(-scores_NC, axis=1, kind="stable")[:, : request.top_k]
    return [
        [{"label": labels[c], "score": float(scores_C[c])} for c in order_C]
        for scores_C, order_C in zip(scores_NC, order_NC, strict=True)
    ]


def _scores(logits_NC: NDArray[np.float32], function: str | None) -> NDArray[np.float32]:
    chosen = function or ("sigmoid" if logits_NC.shape[1] == 1 else "softmax")
    if chosen == "softmax":
        return softmax(logits_NC)
    if chosen == "sigmoid":  # by tanh, which does not overflow
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits_NC)), dtype=np.float32)
    return logits_NC
