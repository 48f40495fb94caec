"""Weights from outside: files of plain tensors, which nothing unpickles, and how they fit a node. Also batches of random values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from antifaz.core.errors import WeightsError
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


def read_published(name: str) -> Weights:
    """Read weights that torchvision offers under a name like `ViT_B_16_Weights.IMAGENET1K_V1`; kept in torch's cache.

    Raises:
        WeightsError: torchvision has none of this name, or they cannot be downloaded.
    """
    from torchvision.models import get_weight

    try:
        weights: Weights = get_weight(name).get_state_dict(check_hash=True)
    except (ValueError, AttributeError):
        hint = "write NAME_Weights.VERSION as torchvision's documentation lists them"
        raise WeightsError(f"torchvision offers no weights {name!r}", hint=hint) from None
    except (OSError, RuntimeError) as error:
        raise WeightsError(
            f"the weights {name} cannot be downloaded: {error}", hint="give a `file:` that is on this machine"
        ) from None
    return weights


def read_weights(path: Path) -> Weights:
    """Read a user's file of weights: safetensors, or a state dict that torch reads without unpickling code.

    Raises:
        WeightsError: a file that does not exist or has neither of the two formats.
    """
    if not path.is_file():
        raise WeightsError(f"the weights file {path} does not exist")
    if path.suffix == ".safetensors":
        try:
            weights: Weights = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} is not a safetensors file, or it is damaged: {error}") from None
        return weights
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the restricted unpickler raises anything on foreign bytes
        hint = "convert it to safetensors, or save `model.state_dict()` alone"
        raise WeightsError(f"{path} cannot be read as plain weights: {_reason(error)}", hint=hint) from None
    if not isinstance(loaded, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        raise WeightsError(f"{path} does not hold a state dict (a mapping of names to tensors)", hint="save `model.state_dict()`")
    return loaded


def _reason(error: Exception) -> str:
    """Return in a line why torch refuses a file: it holds an object that only unpickling could make, or is no file of weights."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    pickled = re.search(r"GLOBAL ([\w.]+) was not an allowed", text)
    if pickled is not None:
        return f"it holds a pickled {pickled[1]}, and nothing is unpickled"
    unpickler = re.search(r"WeightsUnpickler error: (.+)", text)
    return "it is damaged, or torch did not write it" + (f" ({unpickler[1].strip()})" if unpickler else "")


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
