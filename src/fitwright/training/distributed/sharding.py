"""A model whose weights, gradients and optimiser state are spread over all processes (FSDP2)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.distributed.device_mesh import DeviceMesh


def shard(model: nn.Module, device_type: str, size: int) -> None:
    """Spread ``model`` over ``size`` processes in place, layer by layer; its gradients are sums over them.

    Zhao et al. 2023, https://arxiv.org/abs/2304.11277; the second form, a sharded tensor for each parameter.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh: DeviceMesh = init_device_mesh(device_type, (size,))
    for layer in repeated_layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)  # losses are divided by the whole step's rows already
            module.set_force_sum_reduction_for_comms(True)  # Gloo has no other


def repeated_layers(model: nn.Module) -> list[nn.Module]:
    """The layers of the model's stacks: members of a list in which their class occurs twice at least."""
    from torch import nn

    found: list[nn.Module] = []
    inside: set[nn.Module] = set()
    for module in model.modules():  # from the outside in
        if not isinstance(module, nn.ModuleList) or module in inside:
            continue
        kinds = Counter(type(member) for member in module)
        for member in module:
            if kinds[type(member)] > 1 and any(True for _ in member.parameters()):
                found.append(member)
                inside.update(member.modules())
    return found


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor put together from its shards; all processes must ask for it. One that is whole stays so."""
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_of(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """This process's part of a whole tensor, sharded as ``like`` is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor) or tensor.shape != like.shape:
        return tensor
    there = tensor.to(like.device)
    return distribute_tensor(there, like.device_mesh, like.placements, src_data_rank=None)
