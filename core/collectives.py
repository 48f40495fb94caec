"""Processes: who we are, and the few collective calls that losses and the engine need. All are no-ops in a single process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_alone: list[None] = []  # not empty within `alone`; a list, because torch.compile follows no ContextVar


@contextmanager
def alone() -> Iterator[None]:
    """Within it this process is the only one: every call here is a no-op, as in a run of one process."""
    _alone.append(None)
    try:
        yield
    finally:
        _alone.pop()


def _together() -> bool:
    return dist.is_initialized() and not _alone


def world_size() -> int:
    return dist.get_world_size() if _together() else 1


def rank() -> int:
    return dist.get_rank() if _together() else 0


def is_main() -> bool:
    """Return True in the one process that writes files and prints."""
    return rank() == 0


def barrier() -> None:
    if _together():
        dist.barrier()


def total(count: int, device: torch.device) -> int:
    """The sum of a count over all processes."""
    return int(sum_over_ranks(torch.tensor(count, device=device))) if _together() else count


def sum_over_ranks(value: Tensor) -> Tensor:
    """The sum over all processes, without gradient."""
    total = value.detach().clone(memory_format=torch.contiguous_format)
    if _together():
        dist.all_reduce(total)
    return total


def gather_objects(value: Any) -> list[Any]:
    """A plain object of every process, in the order of ranks; the host waits for all of them."""
    if not _together():
        return [value]
    objects: list[Any] = [None] * world_size()
    dist.all_gather_object(objects, value)
    return objects


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
    if not _together():
        return local
    total: Tensor = _Sum.apply(local)  # type: ignore[no-untyped-call]
    return total


def gather(local: Tensor) -> Tensor:
    """(batch, ...) of this process -> (world * batch, ...) of all, in the order of ranks, with gradients to every process.

    Every process must bring the same shape and go backward through its result, if any does. The gradient is that of the sum of
    all processes' losses.
    """
    if not _together():
        return local
    if not torch.is_floating_point(local):
        return _all_gather(local)
    gathered: Tensor = _Gather.apply(local)  # type: ignore[no-untyped-call]
    return gathered
