"""Cold `fitwright compare` of ten and twenty models and `import fitwright`, torch blocked, beside `python`;
and `fitwright estimate` of a BERT-large config that was never traced, imports of torch included."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fitwright.core.provenance import capture

MODELS = (
    "bert-base",
    "bert-large",
    "roberta-base",
    "deberta-v3-large",
    "t5-small",
    "t5-base",
    "t5-large",
    "gpt2",
    "gpt2-medium",
    "distilbert-base",
)
MORE = (
    "roberta-large",
    "electra-small",
    "albert-base-v2",
    "xlm-roberta-base",
    "deberta-v3-base",
    "bart-base",
    "vit-base",
    "opt-125m",
    "Qwen/Qwen2.5-0.5B",
    "openai/whisper-base",
)
BERT_LARGE = {
    "architectures": ["BertForSequenceClassification"],
    "model_type": "bert",
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "vocab_size": 30000,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pad_token_id": 0,
}
BLOCK = "import sys; sys.modules['torch'] = None; "
RUN = "from fitwright.cli.main import run; "


def programs(config: Path) -> dict[str, str]:
    """What is timed, by name."""
    training = ["estimate", str(config), "--mode", "train", "--batch", "16"]
    return {
        "python": "pass",
        "import": BLOCK + "import fitwright",
        "compare of 10": BLOCK + RUN + f"sys.exit(run(['compare', *{MODELS!r}]))",
        "compare of 20": BLOCK + RUN + f"sys.exit(run(['compare', *{MODELS + MORE!r}]))",
        "estimate, untraced": "import sys; " + RUN + f"sys.exit(run({training!r}))",
        "estimate, kept": "import sys; " + RUN + f"sys.exit(run({training!r}))",
    }


def main() -> None:
    """Run the programs in turns and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        config.write_text(json.dumps(BERT_LARGE))
        samples: dict[str, list[float]] = {name: [] for name in programs(config)}
        for number in range(rounds + 1):
            with tempfile.TemporaryDirectory() as home:
                environment = {**os.environ, "FITWRIGHT_HOME": home}
                for name, program in programs(config).items():
                    started = time.perf_counter()
                    subprocess.run(
                        [sys.executable, "-c", program],
                        check=True,
                        stdout=subprocess.DEVNULL,
                        env=environment,
                    )
                    if number:  # the first round warms the file cache
                        samples[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in samples.items()}
    answer = {"median_s": medians, "samples_s": samples, "environment": capture("compare.py").as_json()}
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
