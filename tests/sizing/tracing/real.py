"""The same step with real numbers: what is truly allocated, followed storage by storage."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fitwright.sizing.trace.conditions import Conditions
from tests.sizing.tracing.tiny import CONFIGS, values


class Storages(TorchDispatchMode):
    """Bytes of the storages that live, besides those of ``known``; ``peak`` is the most there ever were."""

    def __init__(self, known: list[torch.Tensor]) -> None:
        super().__init__()
        self._known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self._live: dict[int, int] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return result

    def _see(self, storage: Any) -> None:
        key = storage._cdata
        if key in self._live or storage.data_ptr() in self._known:
            return
        self._live[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self._live.pop(key)


def batch(model_type: str, model: Any, rows: int, seq: int, *, train: bool) -> dict[str, Any]:
    """Real arguments of the forward pass; the decoder of an encoder-decoder gets as many tokens."""
    config = model.config
    ids = torch.randint(3, 90, (rows, seq))
    found: dict[str, Any] = {}
    if model_type == "vit":
        found["pixel_values"] = torch.randn(rows, 3, 32, 32)
        return found | ({"labels": torch.zeros(rows, dtype=torch.long)} if train else {})
    if model_type == "whisper":
        found["input_features"] = torch.randn(rows, config.num_mel_bins, 2 * config.max_source_positions)
    else:
        found["input_ids"] = ids
    if config.is_encoder_decoder:
        found["decoder_input_ids"] = ids.clone()
    if train:
        row_labels = type(model).__name__.endswith("SequenceClassification")
        found["labels"] = torch.zeros(rows, dtype=torch.long) if row_labels else ids.clone()
        found["use_cache"] = False
    return found


def run(model_type: str, conditions: Conditions, rows: int, seq: int) -> Storages:
    """One step on this CPU; the peak of what it allocated and what is left of it at its end."""
    import transformers

    torch.manual_seed(0)
    name, _ = CONFIGS[model_type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some families warn on import of what torch will drop
        config = transformers.AutoConfig.for_model(**values(model_type))
        config._attn_implementation = "eager" if conditions.attention == "eager" else "sdpa"
        try:
            model = getattr(transformers, name)(config)
        except ValueError:  # the family has no fused attention
            config._attn_implementation = "eager"
            model = getattr(transformers, name)(config)
    train = conditions.mode == "train"
    model.train(train)
    arguments = batch(model_type, model, rows, seq, train=train)
    if "use_cache" in arguments and "use_cache" not in vars(config):
        del arguments["use_cache"]
    held = [*model.parameters(), *model.buffers(), *(a for a in arguments.values() if torch.is_tensor(a))]
    storages = Storages(held)
    with storages, torch.set_grad_enabled(train):
        output = model(**arguments)
        if train:
            output.loss.backward()
    del output
    return storages
