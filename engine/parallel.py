"""Processes: joining those that torchrun started, choosing this one's device, wrapping a training model for them.

All that knows how a model is spread over processes is here: another way to spread it is another branch of `wrap` and of
`accumulating`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from antifaz.core import collectives
from antifaz.core.errors import DeviceError
from antifaz.registry import suggest

DEVICES = ("auto", "cpu", "cuda")
PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the main one may have to make or decode a data set first."""


def join(device: str) -> torch.device:
    """Join the processes that torchrun started (nothing to do without it), and return this process's device.

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


def leave() -> None:
    """Leave the process group."""
    if dist.is_initialized():
        dist.destroy_process_group()


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device computes in bfloat16 without detours, as far as torch can tell."""
    if device.type != "cpu":
        return True
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # a private operator, which another torch may not have
        return True


def wrap(model: nn.Module, device: torch.device, *, compiled: bool) -> nn.Module:
    """Make of a model what the loop calls: compiled if asked for, and with averaged gradients where there are several processes."""
    module: nn.Module = torch.compile(model) if compiled else model  # type: ignore[assignment]
    if collectives.world_size() == 1:
        return module
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids)


def gradient_factor() -> float:
    """Return the factor of a loss before backward: gradients are averaged over processes, the loss is the sum of their shares."""
    return float(collectives.world_size())


@torch.no_grad()
def take_from_main(weights: Mapping[str, Tensor]) -> None:
    """Overwrite these tensors with those of the main process: running averages of a layer may differ between processes."""
    for value in weights.values() if dist.is_initialized() else ():
        dist.broadcast(value, 0)


def accumulating(wrapped: nn.Module, *, last: bool) -> AbstractContextManager[None]:
    """Surround forward and backward of one micro-batch of a step: processes exchange gradients in the last one alone."""
    if last or not isinstance(wrapped, DistributedDataParallel):
        return nullcontext()
    return wrapped.no_sync()  # type: ignore[no-any-return]
