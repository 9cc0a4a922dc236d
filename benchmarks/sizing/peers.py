"""What other tools say that a point needs: bytes that the model adds to a process, or why they cannot say.

    python benchmarks/sizing/peers.py '[{"id": "openai-community/gpt2", "workload": {"batch": 4}}]'

Each tool is asked as its documentation shows, about the same config on the meta device; none counts the
process itself. Their packages: ``requirements.txt``.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from fitwright.catalog import store
from fitwright.spec.workload import Workload

LARGE_GPU = "a100-sxm-80gb"


class CannotSay(Exception):
    """The tool has no answer for such a point."""


def main() -> None:
    """A list of points as JSON in; for each a map of tool → bytes, or the reason as text, out."""
    logging.disable(logging.WARNING)
    said = [answers(point["id"], Workload(**point["workload"])) for point in json.loads(sys.argv[1])]
    print(json.dumps(said))


def answers(model_id: str, workload: Workload) -> dict[str, Any]:
    """Tool → bytes, or the reason why it has none."""
    found: dict[str, Any] = {}
    for name, ask in TOOLS.items():
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                found[name] = round(ask(model_id, workload))
        except ImportError as error:
            found[name] = f"absent: {error}"
        except CannotSay as error:
            found[name] = str(error)
        except Exception as error:  # the tools' own failures are results here
            found[name] = f"failed: {type(error).__name__}: {str(error).strip()[:160]}"
    return found


def accelerate(model_id: str, workload: Workload) -> float:
    """``accelerate estimate-memory``: weights alone, and four times those for training with Adam."""
    from accelerate import init_empty_weights
    from accelerate.commands.estimate import estimate_training_usage
    from accelerate.utils import calculate_maximum_sizes
    from transformers import AutoModel

    with init_empty_weights():
        model = AutoModel.from_config(_config(model_id))
    total, _ = calculate_maximum_sizes(model)
    if workload.mode == "train":
        precision = "float32" if workload.precision == "fp32" else "float16"
        return max(estimate_training_usage(total, precision).values())
    return total if workload.precision == "fp32" else total / 2


def torchinfo(model_id: str, workload: Workload) -> float:
    """``torchinfo.summary``: its "Estimated Total Size" of inputs, layers' outputs (twice) and weights."""
    import torch
    from torchinfo import summary

    from fitwright.sizing.tracing import model as models
    from fitwright.sizing.tracing.inputs import batch_for

    dtype = torch.bfloat16 if workload.precision == "bf16" and not workload.is_autocast else torch.float32
    config = _config(model_id)
    model = models.build(config, models.class_of(config, _class(model_id)), workload.attention)
    model = model.to("meta", dtype)
    batch = batch_for(model, workload.micro_batch, workload.seq, train=False)
    mode = "train" if workload.mode == "train" else "eval"
    found = summary(model, input_data=batch, device="meta", mode=mode, verbose=0)
    return found.total_input + found.total_output_bytes + found.total_param_bytes


def llm_analysis(model_id: str, workload: Workload) -> float:
    """``llm-analysis``: weights, states and activations of a decoder on one GPU, in 16 bits."""
    if store.load(model_id).kind != "decoder":
        raise CannotSay("decoders only")
    if workload.precision == "fp32":
        raise CannotSay("16 bits at most")
    if workload.optimiser != "adamw":
        raise CannotSay("Adam only")
    from llm_analysis.analysis import ActivationRecomputation, LLMAnalysis
    from llm_analysis.config import DtypeConfig, get_gpu_config_by_name, get_model_config_from_hf

    with tempfile.TemporaryDirectory() as folder:
        _config(model_id).save_pretrained(folder)
        described = get_model_config_from_hf(folder)
    tool = LLMAnalysis(described, get_gpu_config_by_name(LARGE_GPU), DtypeConfig())
    if workload.mode == "infer":
        said = tool.inference(workload.batch, workload.seq, num_tokens_to_generate=1)
        names = ["weight", "prefill_activation", "kv_cache"]
        return sum(said[f"{name}_memory_per_gpu"] for name in names)
    recompute = ActivationRecomputation.FULL if workload.checkpointing else ActivationRecomputation.NONE
    said = tool.training(
        workload.micro_batch, gradient_accumulation_steps=workload.accumulation, seq_len=workload.seq,
        total_num_tokens=10**9, activation_recomputation=recompute, flash_attn=workload.attention == "fused",
    )  # fmt: skip
    names = ["weight", "gradient", "optimizer_state", "activation"]
    return sum(said[f"{name}_memory_per_gpu"] for name in names)


TOOLS: dict[str, Callable[[str, Workload], float]] = {
    "accelerate estimate-memory": accelerate,
    "torchinfo": torchinfo,
    "llm-analysis": llm_analysis,
}


def _config(model_id: str) -> Any:
    from fitwright.sizing.tracing import model as models

    spec = store.load(model_id)
    return models.config_of({**spec.facts["config"], "model_type": spec.model_type}, spec.id)


def _class(model_id: str) -> str:
    return str(store.load(model_id).facts["built_class"])


if __name__ == "__main__":
    main()
