"""Reading weights that a person hands in: plain tensors under names, and nothing that unpickling could run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from antifaz.core.errors import WeightsError
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features


def fake_batch(
    shapes: Mapping[str, Shape], batch: int, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> dict[str, Features]:
    """A batch of random values in the declared shapes; integers are drawn below their declared number of values, or else below 2.

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


def read_published(name: str) -> dict[str, Tensor]:
    """Weights that torchvision offers under a name like `ViT_B_16_Weights.IMAGENET1K_V1`; downloaded once, kept in torch's cache.

    Raises:
        WeightsError: torchvision has none of this name, or they cannot be had.
    """
    from torchvision.models import get_weight

    try:
        found: dict[str, Tensor] = get_weight(name).get_state_dict(check_hash=True)
    except (ValueError, AttributeError):
        hint = "write NAME_Weights.VERSION as torchvision's documentation lists them"
        raise WeightsError(f"torchvision offers no weights {name!r}", hint=hint) from None
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"the weights {name} cannot be had: {error}", hint="give a `file:` that is on this machine") from None
    return found


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights from a user's file: safetensors, or a state dict that torch reads without unpickling code.

    Raises:
        WeightsError: no such file, or neither of the two formats.
    """
    if not path.is_file():
        raise WeightsError(f"there is no weights file {path}")
    if path.suffix == ".safetensors":
        try:
            weights: dict[str, Tensor] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} is no safetensors file, or a damaged one: {error}") from None
        return weights
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the restricted unpickler makes of bytes that are no weights
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{path} cannot be read as plain weights: {reason}", hint="convert it to safetensors") from None
    if not isinstance(loaded, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()):
        raise WeightsError(f"{path} holds no state dict (a mapping of names to tensors)", hint="save `model.state_dict()`")
    return loaded
