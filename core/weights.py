"""Reading weights that a person hands in: plain tensors under names, and nothing that unpickling could run."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from antifaz.registry import WeightsError


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
