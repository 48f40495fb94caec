"""Checks of what arrives at a component, and sizes that follow from it, for several specs; on shapes alone, without torch."""

from __future__ import annotations

import math

from antifaz.core.streams import Group, Shape, only
from antifaz.registry import SpecError


def one_shape(inputs: Group, axes: int, needs: str, hint: str | None = None) -> Shape:
    """Return the single array that arrives.

    needs: what is needed by whom, as "tubelets need video (channels, frames, height, width)".

    Raises:
        SpecError: for the field `in`, where it has another number of axes, or is a stream.
    """
    value = only(inputs)
    if not isinstance(value, Shape) or len(value.dims) != axes:
        raise SpecError(f"{needs}, not {list(value.dims)}", field="in", hint=hint)
    return value


def require_vectors(inputs: Group, hint: str) -> None:
    """Raise SpecError, for the field `in`, unless each of these is a feature vector. hint: what to put before it."""
    for name, value in inputs.items():
        if not isinstance(value, Shape) or len(value.dims) != 1:
            raise SpecError(f"{name!r} is not a feature vector", field="in", hint=hint)


def require_heads(heads: int, width: int) -> None:
    """Raise SpecError, for the field `heads`, unless so many attention heads divide a width."""
    if width % heads:
        raise SpecError(f"{heads} heads do not divide the width {width}", field="heads")


def mlp_width(width: int, ratio: float) -> int:
    """The width of an MLP on streams of this width, rounded down.

    Raises:
        SpecError: for the field `mlp_ratio`, where it has none.
    """
    wanted = width * ratio
    if not 1 <= wanted < math.inf:
        message = f"`mlp_ratio` {ratio:g} gives no MLP on streams of width {width}: its width would be {wanted:g}"
        raise SpecError(message, field="mlp_ratio", hint=f"choose 1/{width} or more; 4 is usual")
    return int(wanted)
