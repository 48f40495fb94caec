"""Processes: who we are, and the few collective calls that losses and the engine need. All are no-ops in a single process."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from antifaz.registry import DeviceError, suggest

DEVICES = ("auto", "cpu", "cuda")
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the main one may have to make or decode a data set first."""


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
    Raises:
        DeviceError: another device, or CUDA where there is none.
    """
    if device not in DEVICES:
        raise DeviceError(f"unknown device {device!r}", hint=suggest(device, DEVICES, noun="devices"))
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("this machine has no CUDA device that torch can use", hint="choose --device cpu")
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if kind == "cuda":
        torch.cuda.set_device(local)
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    return torch.device(kind, local) if kind == "cuda" else torch.device(kind)


def stop() -> None:
    """Leave the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def barrier() -> None:
    if dist.is_initialized():
        dist.barrier()


def total(count: int, device: torch.device) -> int:
    """The sum of a count over all processes."""
    return int(sum_over_ranks(torch.tensor(count, device=device))) if dist.is_initialized() else count


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum over all processes, without gradient."""
    total = value.detach().clone(memory_format=torch.contiguous_format)
    if dist.is_initialized():
        dist.all_reduce(total)
    return total


class _Sum(torch.autograd.Function):
    """all_reduce; every process's loss depends on every process's value, so backward adds the gradients too."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        return sum_over_ranks(local)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_over_ranks(gradients[0])


class _Gather(torch.autograd.Function):
    """all_gather along the batch axis; backward adds what every process asks of this one's rows."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        ctx.rows = local.shape[0]
        return _all_gather(local)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_over_ranks(gradients[0])[rank() * ctx.rows : (rank() + 1) * ctx.rows]


def _all_gather(local: Tensor) -> Tensor:
    local = local.contiguous()
    parts = [torch.empty_like(local) for _ in range(world_size())]
    dist.all_gather(parts, local)
    return torch.cat(parts)


def sum_with_gradients(local: Tensor) -> Tensor:
    """The sum over all processes, with gradients to every process: those of the sum of all processes' losses.

    Every process must bring the same shape and go backward through its result.
    """
    if not dist.is_initialized():
        return local
    total: Tensor = _Sum.apply(local)  # type: ignore[no-untyped-call]
    return total


def gather(local: Tensor) -> Tensor:
    """(batch, ...) of this process -> (world * batch, ...) of all, in the order of ranks, with gradients to every process.

    Every process must bring the same shape and go backward through its result, if any does. The gradient is that of the sum of
    all processes' losses.
    """
    if not dist.is_initialized():
        return local
    if not torch.is_floating_point(local):
        return _all_gather(local)
    gathered: Tensor = _Gather.apply(local)  # type: ignore[no-untyped-call]
    return gathered
