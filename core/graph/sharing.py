"""Shared weights: `share: NODE` borrows every parameter and buffer of a node, `tie: {parameter: other.parameter}` single ones."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from antifaz.registry import SpecError, suggest

from .wiring import Wiring

SHOWN = 6
"""Parameters that a message lists."""


def share_weights(graph: nn.Module, wiring: Wiring) -> dict[str, str]:
    """Make the shared and tied weights of a graph's nodes those of their owners.

    Returns the full name of every such parameter or buffer -> that of its owner.

    Raises:
        SpecError: a `share` or `tie` that does not fit; its field begins with the node's name.
    """
    borrowed: dict[str, str] = {}
    parameters = dict(graph.named_parameters(remove_duplicate=False))
    for name, node in wiring.nodes.items():
        if node.plan.share is not None:
            borrowed.update(_shared(graph, name, node.plan.share))
        for parameter, owner in node.plan.tie.items():
            for each in (f"{name}.{parameter}", owner):
                if each not in parameters:
                    hint = suggest(each, list(parameters), noun="parameters")
                    raise SpecError(f"there is no parameter {each!r}", field=f"{name}.tie", hint=hint)
            borrowed[f"{name}.{parameter}"] = owner
    aliases = {name: _last_owner(name, borrowed) for name in borrowed}
    tensors = _tensors(graph)
    for name, owner in aliases.items():
        if tensors[name].shape != tensors[owner].shape:
            shapes = f"{list(tensors[name].shape)} and {list(tensors[owner].shape)}"
            raise SpecError(f"cannot tie {name!r} to {owner!r}: their shapes are {shapes}", field=_field(name))
    assign_aliases(graph, aliases)
    return aliases


def assign_aliases(graph: nn.Module, aliases: Mapping[str, str]) -> None:
    """Make each of these parameters and buffers its owner's."""
    tensors = _tensors(graph)
    for name, owner in aliases.items():
        parent, _, leaf = name.rpartition(".")
        setattr(graph.get_submodule(parent), leaf, tensors[owner])


def _tensors(graph: nn.Module) -> dict[str, Tensor]:
    return {**dict(graph.named_parameters(remove_duplicate=False)), **dict(graph.named_buffers(remove_duplicate=False))}


def _shared(graph: nn.Module, name: str, owner: str) -> dict[str, str]:
    """Return every weight of a node -> the same one of its owner, which may have more.

    Buffers that are not kept with the weights follow from the node's own inputs, and stay its own.
    """
    own, owners = graph.get_submodule(name), graph.get_submodule(owner)
    shapes = {n: p.shape for n, p in own.named_parameters()}
    owner_shapes = {n: p.shape for n, p in owners.named_parameters()}
    different = sorted(n for n in shapes if shapes[n] != owner_shapes.get(n))
    if different:
        shown = ", ".join(different[:SHOWN]) + (f" and {len(different) - SHOWN} more" if len(different) > SHOWN else "")
        raise SpecError(
            f"cannot share the weights of {owner!r}: these parameters differ: {shown}",
            field=f"{name}.share",
            hint="a shared node needs inputs of the same widths as its owner's, and no parameter that the owner lacks; where "
            "parameters are called after streams, name the inputs as the owner does: `in: {NAME: reference}`",
        )
    state = own.state_dict()
    buffers = [n for n, _ in owners.named_buffers() if n in state]
    return {f"{name}.{n}": f"{owner}.{n}" for n in [*shapes, *buffers]}


def _last_owner(name: str, borrowed: Mapping[str, str]) -> str:
    """Return the owner of a weight, whose owner may itself borrow it."""
    owner, passed = borrowed[name], [name]
    while owner in borrowed:
        if owner in passed:
            raise SpecError(f"parameters are tied in a circle: {' -> '.join([*passed, owner])}", field=_field(name))
        passed.append(owner)
        owner = borrowed[owner]
    return owner


def _field(parameter: str) -> str:
    """Return the key that ties a parameter, given by its full name."""
    return f"{parameter.partition('.')[0]}.tie"
