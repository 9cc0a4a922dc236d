"""Which parameters train: all, low-rank additions (LoRA), or the head alone.

LoRA (Hu et al. 2021) is put into the model by peft, in place: the model stays of its own class, so that
packing, objectives and evaluation see no difference. Every linear layer of the body gets an addition
(Dettmers et al. 2023, QLoRA, section 4: fewer places lose quality), and the head trains in full, since it is
often new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitwright.core.errors import UsageError
from fitwright.core.files import write_json
from fitwright.core.optional import require
from fitwright.modeling.weights import plain_weight_errors
from fitwright.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

ADAPTER_FOLDER = "adapter"
USUAL_LEARNING_RATE = {"full": 5e-5, "lora": 5e-4, "head": 1e-3}
"""The fewer parameters train, the farther each has to go: LoRA's best rate is about ten times that of full
training (Schulman et al. 2025, "LoRA without regret")."""


def apply_method(model: nn.Module, settings: TrainSettings) -> None:
    """Freeze what is not to train, and add what LoRA trains; ``full`` changes nothing.

    New numbers are drawn from torch's global generator: seed it first.

    Raises:
        UsageError: ``head``, and the model has none apart from its body; ``lora``, and nothing is a target.
    """
    if settings.method == "full":
        return
    head = head_parameters(model)
    if settings.method == "head":
        if not head:
            raise UsageError(
                "this model has no head apart from its body", got=type(model).__name__,
                mend="Use --method lora or full.",
            )  # fmt: skip
        model.requires_grad_(False)
    else:
        _add_lora(model, settings)
        if _output_embeddings(model) is not None:  # a language model's head is as pretrained as its body
            head = {}
    for parameter in head.values():
        parameter.requires_grad_(True)


def rate_hint(settings: TrainSettings) -> str | None:
    """What to say of a learning rate that is far below the usual one of the method."""
    rate, usual = settings.learning_rate, USUAL_LEARNING_RATE[settings.method]
    if settings.method == "full" or rate > usual / 4:
        return None
    return f"a learning rate of {rate:g} is low for --method {settings.method}: {usual:g} is usual"


def training_mode(model: nn.Module, method: str) -> None:
    """``model.train()``; under ``head`` what is frozen as a whole answers as in evaluation, no dropout."""
    model.train()
    if method != "head":
        return
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()


def parameter_counts(model: nn.Module) -> tuple[int, int]:
    """How many parameters train, of how many; shared ones count once."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters if p.requires_grad), sum(p.numel() for p in parameters)


def body_of(model: nn.Module) -> nn.Module:
    """What lies under the head; the model itself where it has none."""
    return getattr(model, "base_model", model)


def head_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters outside the body, and those of a pooler between the two; none that the body shares."""
    body = body_of(model)
    if body is model:
        return {}
    pooler = getattr(body, "pooler", None)
    above = set() if pooler is None else {id(p) for p in pooler.parameters()}
    below = {id(p) for p in body.parameters()} - above
    return {name: p for name, p in model.named_parameters() if id(p) not in below}


def _output_embeddings(model: Any) -> nn.Module | None:
    get = getattr(model, "get_output_embeddings", None)
    found: nn.Module | None = get() if get is not None else None
    return found


def _add_lora(model: nn.Module, settings: TrainSettings) -> None:
    peft = require("peft")
    modules = dict(model.named_modules())
    targets = lora_targets(model, settings.lora_targets)
    config = peft.LoraConfig(
        r=settings.lora_rank, lora_alpha=settings.lora_alpha, lora_dropout=settings.lora_dropout,
        target_modules=targets, fan_in_fan_out=any(_is_transposed(modules[name]) for name in targets),
    )  # fmt: skip
    peft.inject_adapter_in_model(config, model)


def lora_targets(model: nn.Module, asked: str) -> list[str]:
    """Full names of the layers that get an addition.

    Args:
        model: as loaded.
        asked: ``auto`` for every linear layer of the body, or the last parts of names: ``query,value``.

    Raises:
        UsageError: there are none.
    """
    body, output = body_of(model), _output_embeddings(model)
    prefix = next(name for name, module in model.named_modules() if module is body)
    linear = [
        ".".join(part for part in (prefix, name) if part)
        for name, module in body.named_modules()
        if (_is_linear(module) or _is_transposed(module)) and module is not output
    ]
    if asked == "auto":
        found = [name for name in linear if "pooler" not in name.split(".")]
    else:
        ends = tuple(part.strip() for part in asked.split(","))
        found = [name for name in linear if any(name == end or name.endswith(f".{end}") for end in ends)]
    if not found:
        raise UsageError(
            "no layer of this model is a target for LoRA", got=asked,
            allowed="auto, or of these: " + ", ".join(sorted({name.rpartition(".")[2] for name in linear})),
        )  # fmt: skip
    return found


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, require("torch").nn.Linear)


def _is_transposed(module: nn.Module) -> bool:
    return type(module).__name__ == "Conv1D"  # how GPT-2 spells a linear layer


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """What LoRA trained, in PEFT's names: low-rank factors, and the head.

    Attributes:
        config: peft's ``LoraConfig``.
        tensors: by PEFT's names.
        head: names of the modules that are kept whole.
    """

    config: Any
    tensors: dict[str, torch.Tensor]
    head: tuple[str, ...]

    def save(self, folder: Path, base: str) -> None:
        """Write ``adapter_config.json`` and ``adapter_model.safetensors``; ``base``: what it was added to."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {k: sorted(v) if isinstance(v, set) else v for k, v in self.config.to_dict().items()}
        more = {"base_model_name_or_path": base, "inference_mode": True, "modules_to_save": list(self.head)}
        write_json(folder / "adapter_config.json", {**plain, **more})
        weights = folder / "adapter_model.safetensors"
        with plain_weight_errors(folder):
            require("safetensors.torch").save_file(self.tensors, weights, metadata={"format": "pt"})
        weights.chmod(0o644)


def merge_lora(model: nn.Module) -> Adapter | None:
    """Add the low-rank products to the weights and take peft's layers out again; ``None`` without LoRA.

    The model then is what it was before, of its own class, with other numbers.
    """
    found = list(_lora_layers(model))
    if not found:
        return None
    loose: Any = model
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    head = sorted({name.rpartition(".")[0] for name in trained if ".lora_" not in name})
    tensors = {
        f"base_model.model.{name.replace('.default', '')}": p.detach().cpu().clone().contiguous()
        for name, p in trained.items()
    }
    config = loose.peft_config["default"]
    for parent, name, layer in found:
        layer.merge()
        setattr(parent, name, layer.get_base_layer())
    del loose.peft_config
    model.requires_grad_(True)
    return Adapter(config=config, tensors=tensors, head=tuple(head))


def _lora_layers(model: nn.Module) -> Iterator[tuple[nn.Module, str, Any]]:
    """Owner, name and layer of each addition."""
    for owner in list(model.modules()):
        for name, child in list(owner.named_children()):
            if hasattr(child, "lora_A") and hasattr(child, "get_base_layer"):
                yield owner, name, child
