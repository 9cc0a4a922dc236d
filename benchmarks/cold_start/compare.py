"""Cold `fitwright compare` of ten models and `import fitwright`, torch blocked, beside a bare `python`."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

from fitwright.core.provenance import capture

MODELS = (
    "bert-base", "bert-large", "roberta-base", "deberta-v3-large", "t5-small", "t5-base", "t5-large", "gpt2",
    "gpt2-medium", "distilbert-base",
)  # fmt: skip
BLOCK = "import sys; sys.modules['torch'] = None; "
PROGRAMS = {
    "python": "pass",
    "import": BLOCK + "import fitwright",
    "compare": BLOCK + f"from fitwright.cli.main import run; sys.exit(run(['compare', *{MODELS!r}]))",
}


def main() -> None:
    """Run the three programs in turns and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    samples: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(rounds + 1):
        for name, program in PROGRAMS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
            if number:  # the first round warms the file cache
                samples[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    answer = {"median_s": medians, "samples_s": samples, "environment": capture("compare.py").as_json()}
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
