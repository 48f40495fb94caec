"""How given weights fit a node. Also batches of random values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from antifaz.core.streams import Shape, parameter_name
from antifaz.core.tokens import Features
from antifaz.registry import nearest

Weights = dict[str, Tensor]


def fake_batch(
    shapes: Mapping[str, Shape], batch: int, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> dict[str, Features]:
    """Return a batch of random values in the declared shapes; integers are below their declared number of values, or else below 2.

    dtype: of the floating-point entries, default their own.
    """
    entries = {}
    for name, shape in shapes.items():
        own: torch.dtype = getattr(torch, shape.dtype)
        size = (batch, *shape.dims)
        if str(device) == "meta":
            values = torch.empty(size, dtype=own, device="meta")
        elif own.is_floating_point:
            values = torch.randn(size, dtype=dtype or own, device=device)
        else:
            values = torch.randint(0, shape.bound, size, device=device).to(own)
        entries[name] = Features(values)
    return entries


def renamed(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Weights:
    """Return given weights by the names that they have today; streams' names used to be names of parameters as they were."""
    today = {name: ".".join(part if part.isdigit() else parameter_name(part) for part in name.split(".")) for name in given}
    return {today[name] if name not in own and today[name] in own else name: value for name, value in given.items()}


def fit_weights(node: str, module: nn.Module, given: Mapping[str, Tensor]) -> tuple[Weights, list[str]]:
    """Fit given weights of a node to its own, by its module's `adapt` where it has one. given: by the node's own names.

    Returns the weights, and a line for each tensor that was adapted or added.
    """
    adapt: Callable[[Weights], Weights] | None = getattr(module, "adapt", None)
    fitted = dict(given) if adapt is None else adapt(dict(given))
    changes = [
        f"adapted {node}.{name} from {list(given[name].shape)} to {list(value.shape)}"
        for name, value in fitted.items()
        if name in given and value.shape != given[name].shape
    ]
    return fitted, changes + [f"{node}.{name} is not given, and filled in by its module" for name in fitted if name not in given]


def misfits(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """Describe everything that keeps given weights from being a node's own: missing, unknown, of another shape."""
    faults = [f"missing: {name}" for name in own if name not in given]
    for name in given:
        if name not in own:
            near = nearest(name, own)
            faults.append(f"unknown: {name}" + (f"; did you mean {near!r}?" if near else ""))
    faults += [
        f"{name} is {list(given[name].shape)}, the graph wants {list(value.shape)}"
        for name, value in own.items()
        if name in given and given[name].shape != value.shape
    ]
    return faults
