"""Files of weights: plain tensors, which nothing unpickles."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from antifaz.core.errors import WeightsError

Weights = dict[str, Tensor]


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
