"""What nodes of a graph hand over, held against what their specs declare. No values are read: the meta device is enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from antifaz.core.graph.wire import Wire
from antifaz.core.graph.wiring import WiredNode
from antifaz.core.streams import Shape, Stream, Value
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import suggest

CLASSES = (Tokens, Features)
WRAP_HINT = "return Tokens or Features of antifaz.core.tokens, of several outputs {name: value}"
DECLARE_HINT = "let `outputs` of the spec declare what `forward` returns, by the same names and in the same shapes"


def wrapping_fault(returned: Any) -> str | None:
    """Say what a module of a node returns in place of Tokens or Features, or of a mapping of them; None where it is that."""
    if isinstance(returned, CLASSES):
        return None
    if not isinstance(returned, Mapping):
        return f"{_described(returned)}, neither Tokens, Features nor a mapping of names to them"
    for name, value in returned.items():
        if not isinstance(name, str):
            return f"an output under {name!r}, which is no name"
        if not isinstance(value, CLASSES):
            return f"{name!r} as {_described(value)}, neither Tokens nor Features"
        if not isinstance(value.values, Tensor):
            return f"{name!r} with values that are no tensor: {type(value.values).__name__}"
    return None


def handover_faults(
    node: WiredNode, returned: Mapping[str, Tokens | Features], asked: Collection[str], size: int, *, shapes: bool
) -> list[tuple[str, str]]:
    """Say where a node's outputs are not what its spec declares, each with a hint.

    asked: outputs that must be there. size: of the batch. shapes: whether they are the declared ones; in training tokens may be
    dropped.
    """
    faults = []
    for name in returned:
        if name not in node.outputs:
            reference = Wire("", node.name, name).reference
            hint = f"{suggest(name, list(node.outputs), noun='declared outputs')}; {DECLARE_HINT}"
            faults.append((f"hands over {reference}, which its spec does not declare", hint))
    for name, declared in node.outputs.items():
        reference = Wire("", node.name, name).reference
        if name not in returned:
            if name in asked:
                faults.append((f"does not hand over {reference}, which its spec declares", DECLARE_HINT))
        elif (fault := value_fault(returned[name], declared, size, shapes=shapes)) is not None:
            faults.append((f"hands over {reference} {fault}", DECLARE_HINT))
    return faults


def value_fault(value: Tokens | Features, declared: Value, size: int, *, shapes: bool) -> str | None:
    """Say what is wrong with one output, in words that follow its name; None where nothing is.

    size: of the batch. shapes: whether the shape is held against the declared one too.
    """
    wanted = Tokens if isinstance(declared, Stream) else Features
    if not isinstance(value, wanted):
        return f"as {type(value).__name__}, its spec declares {wanted.__name__}"
    if shapes and (fault := _shape_fault(value, declared, size)) is not None:
        return fault
    if isinstance(declared, Shape):
        dtype, says = getattr(torch, declared.dtype), "its spec declares"
    else:
        dtype, says = torch.get_default_dtype(), "tokens are"
    return None if value.values.dtype == dtype else f"as {_name(value.values.dtype)}, {says} {_name(dtype)}"


def _shape_fault(value: Tokens | Features, declared: Value, size: int) -> str | None:
    got = list(value.values.shape)
    if got[:1] != [size]:
        return f"as {got} for a batch of {size}, which is no first axis of that"
    if got[1:] != list(declared.dims):
        return f"with the shape {got[1:]}, its spec declares {list(declared.dims)}"
    if isinstance(value, Tokens) and isinstance(declared, Stream) and value.index is None and value.grid != declared.grid:
        return f"with the grid {list(value.grid)}, its spec declares {list(declared.grid)}"
    return None


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _described(value: object) -> str:
    return f"a bare tensor {list(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
