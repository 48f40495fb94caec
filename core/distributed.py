"""Processes: who we are, and the few collective calls that losses and the engine need. All are no-ops in a single process."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def is_main() -> bool:
    """Whether this process writes files and speaks to the person."""
    return rank() == 0


def start(device: str) -> torch.device:
    """Join the processes that torchrun started (nothing to do without it); returns this process's device.

    device: `cpu`, `cuda` or `auto` (CUDA where there is one).
    """
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if kind == "cuda":
        torch.cuda.set_device(local)
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if kind == "cuda" else "gloo")
    return torch.device(kind, local) if kind == "cuda" else torch.device(kind)


def stop() -> None:
    """Leave the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def barrier() -> None:
    if dist.is_initialized():
        dist.barrier()


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum over all processes, without gradient."""
    total = value.detach().clone()
    if dist.is_initialized():
        dist.all_reduce(total)
    return total


class _Gather(torch.autograd.Function):
    """all_gather along the batch axis; backward adds what every process asks of this one's rows."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        ctx.rows = local.shape[0]
        parts = [torch.empty_like(local) for _ in range(world_size())]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[rank() * ctx.rows : (rank() + 1) * ctx.rows]


def gather(local: Tensor) -> Tensor:
    """(batch, ...) of this process -> (world * batch, ...) of all, in the order of ranks, with gradients to every process.

    Every process must bring the same shape. The gradient is that of the sum of all processes' losses.
    """
    if not dist.is_initialized():
        return local
    if local.dtype == torch.bool or not torch.is_floating_point(local):
        parts = [torch.empty_like(local) for _ in range(world_size())]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)
    gathered: Tensor = _Gather.apply(local)  # type: ignore[no-untyped-call]
    return gathered
