"""Counters of one service in the Prometheus text format, version 0.0.4."""

from __future__ import annotations

from collections import Counter

BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Requests by status, rows answered, seconds of answered requests."""

    def __init__(self) -> None:
        self._requests: Counter[int] = Counter()
        self._rows = 0
        self._seconds = 0.0
        self._buckets = [0] * len(BUCKETS_S)

    def add(self, status: int, rows: int, seconds: float) -> None:
        """Count one request; only those answered with 200 enter the histogram."""
        self._requests[status] += 1
        if status != 200:
            return
        self._rows += rows
        self._seconds += seconds
        for place, bound_s in enumerate(BUCKETS_S):
            self._buckets[place] += seconds <= bound_s

    def text(self, waiting_rows: int) -> str:
        """The exposition that ``GET /metrics`` answers; ``waiting_rows``: of the queue at this moment."""
        lines = ["# TYPE fitwright_requests_total counter"]
        lines += [f'fitwright_requests_total{{status="{s}"}} {n}' for s, n in sorted(self._requests.items())]
        lines += ["# TYPE fitwright_rows_total counter", f"fitwright_rows_total {self._rows}"]
        lines += ["# TYPE fitwright_waiting_rows gauge", f"fitwright_waiting_rows {waiting_rows}"]
        name, answered = "fitwright_request_seconds", self._requests[200]
        lines.append(f"# TYPE {name} histogram")
        counts = [*zip(map(str, BUCKETS_S), self._buckets, strict=True), ("+Inf", answered)]
        lines += [f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in counts]
        lines += [f"{name}_sum {self._seconds:.6f}", f"{name}_count {answered}"]
        return "\n".join(lines) + "\n"
