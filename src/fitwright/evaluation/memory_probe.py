"""The child process of :mod:`fitwright.evaluation.memory`: a job on stdin, its peak on stdout, both JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Load the engine, answer the job's rows as one batch and the first row alone, tell the peak."""
    job: dict[str, Any] = json.load(sys.stdin)
    from fitwright.data.batching import pad
    from fitwright.engines.loading import load_engine

    engine = load_engine(Path(job["directory"]), job["engine"], threads=job["threads"])
    rows = job["token_ids"]
    for batch in (rows, rows[:1], rows):
        engine.logits(*pad(batch, job["pad_id"]))
    answer = {
        "peak_bytes": peak_bytes(),
        "modules": sorted({"torch", "transformers", "onnxruntime"} & set(sys.modules)),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def peak_bytes() -> int:
    """Peak resident bytes of this process.

    Linux: ``VmHWM``, because ``ru_maxrss`` there starts from the peak of the process that started this one.
    Elsewhere ``ru_maxrss``, in bytes on macOS and in KiB on the other systems.
    """
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
