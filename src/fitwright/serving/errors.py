"""What can go wrong with a request, where, and the HTTP status that the client sees.

    client ── POST ─► read body ─► check ─► tokenise ─► queue ─► engine ─► answer
                          │          │          │         │         │
                          │          │          │         │         └ EngineFailedError   500
                          │          │          │         ├ QueueFullError              429 + Retry-After
                          │          │          │         └ TookTooLongError            504
                          │          ├ UnreadableRequestError                           400
                          │          ├ NoSuchModelError                                 404
                          │          └ InvalidRequestError                              422
                          └ TooLargeError (body, rows, characters)                      413
    any of them before the model is warm, or while it stops: NotReadyError              503 + Retry-After

The body of each is ``{"error": "one line"}``. A client that goes away is not an error: its rows are dropped.
"""

from __future__ import annotations

from fitwright.core.errors import FitwrightError


class RequestError(FitwrightError):
    """A request that gets no answer. ``retry_after_s`` becomes the Retry-After header."""

    status = 500
    retry_after_s: int | None = None


class UnreadableRequestError(RequestError):
    """The body is no JSON."""

    status = 400


class NoSuchModelError(RequestError):
    """Another model than the one that is served."""

    status = 404


class TooLargeError(RequestError):
    """More bytes, rows or characters than one request may have."""

    status = 413


class InvalidRequestError(RequestError):
    """JSON of another shape than the text-classification task has."""

    status = 422


class QueueFullError(RequestError):
    """Too many rows are waiting already."""

    status = 429

    def __init__(self, waiting_rows: int, max_rows: int, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"the queue is full: {waiting_rows} of {max_rows} rows are waiting")


class EngineFailedError(RequestError):
    """The engine raised; the cause is in the service's log, not in the answer."""

    status = 500


class NotReadyError(RequestError):
    """The model is still loading, or the service is stopping."""

    status = 503
    retry_after_s = 1


class TookTooLongError(RequestError):
    """No answer within ``timeout_s``."""

    status = 504
