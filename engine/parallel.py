"""Processes: joining those that torchrun started, and wrapping a model for them."""

from __future__ import annotations

import os
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from antifaz.core import collectives
from antifaz.core.errors import DeviceError
from antifaz.registry import suggest

DEVICES = ("auto", "cpu", "cuda")


PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: the main one may have to make or decode a data set first."""


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


def wrap(model: nn.Module, device: torch.device, *, compiled: bool) -> nn.Module:
    """The model as the loop calls it: compiled if asked for, and with averaged gradients where there are several processes."""
    module: nn.Module = torch.compile(model) if compiled else model  # type: ignore[assignment]
    if collectives.world_size() == 1:
        return module
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(module, device_ids=ids)
