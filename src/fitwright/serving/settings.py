"""What a service may use and how much of it one client may ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fitwright.core.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Settings of one service, checked when made.

    Attributes:
        host: address to listen on; the default answers this machine only.
        port: TCP port; 0 takes a free one and says which.
        engine: the engine to run; ``None`` takes the bundle's default.
        threads: of the engine; ``None`` takes every core.
        max_batch_tokens: of one batch, padding counted; a longer single row still runs, alone.
        max_queue_rows: rows that may wait; above it a request gets 429.
        max_request_rows: texts in one request; above it 413.
        max_text_characters: in one text; above it 413. The tokenizer cuts texts long before that.
        timeout_s: seconds a request may take, waiting included; after it 504.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    engine: str | None = None
    threads: int | None = None
    max_batch_tokens: int = 4096
    max_queue_rows: int = 512
    max_request_rows: int = 128
    max_text_characters: int = 100_000
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise UsageError("port is out of range", got=self.port, allowed="0 to 65535")
        if not self.host:
            raise UsageError("host is empty", mend="Give an address, for example --host 127.0.0.1.")
        counts = ("max_batch_tokens", "max_queue_rows", "max_request_rows", "max_text_characters")
        for name in counts:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1", got=getattr(self, name))
        if self.threads is not None and self.threads < 1:
            raise UsageError("threads must be at least 1", got=self.threads)
        if not 0 < self.timeout_s < float("inf"):
            raise UsageError("timeout_s must be above 0", got=self.timeout_s)
        if self.max_request_rows > self.max_queue_rows:
            raise UsageError(
                "max_request_rows is above max_queue_rows, so that such a request could never be taken",
                got=self.max_request_rows,
                allowed=f"at most {self.max_queue_rows}",
            )

    @property
    def max_body_bytes(self) -> int:
        """Bytes that a request body may have: every allowed character at JSON's worst, 12 bytes."""
        return min(self.max_request_rows * self.max_text_characters * 12, 64 * 2**20)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
