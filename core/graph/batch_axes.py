"""`batch_axes`: the axes that a node folds into the batch, of wired values and of tensors at run time. No torch.

With `batch_axes: 3` a node sees (batch * a * b, ...) for every (batch, a, b, ...) that arrives, and (a, b) are unfolded again from
what leaves. The sizes (a, b) are called `lead`. Latents have no such axes; they stand for themselves in every entry of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Group, Stream, Value
from antifaz.registry import SpecError

if TYPE_CHECKING:
    from torch import Tensor

    from antifaz.core.tokens import Features, Tokens


def axes_of(value: Value) -> tuple[int, ...]:
    """Return the sizes between the batch axis and the tokens, or all sizes of a plain tensor."""
    return value.lead if isinstance(value, Stream) else value.dims


def _without_axes(value: Value) -> bool:
    return isinstance(value, Stream) and value.latent and not value.lead


def fold(inputs: Group, batch_axes: int) -> tuple[Group, tuple[int, ...]]:
    """Return the inputs with latents repeated over the folded axes, and the sizes of these axes.

    Raises:
        SpecError: inputs with fewer axes than are to be folded, or with axes of different sizes.
    """
    extra = batch_axes - 1
    leads = {axes_of(value)[:extra] for value in inputs.values() if not _without_axes(value)}
    if len(leads) > 1:
        raise SpecError(f"batch_axes folds axes of different sizes: {sorted(leads)}", field="batch_axes")
    lead = leads.pop() if leads else ()
    repeated = {key: _with_axes(value, lead) if _without_axes(value) else value for key, value in inputs.items()}
    for value in repeated.values():
        if len(axes_of(value)) < extra:
            count = len(axes_of(value))
            raise SpecError(f"batch_axes is {batch_axes}, but an input has only {count} axes to fold", field="batch_axes")
    return repeated, lead


def folded(inputs: Group, batch_axes: int) -> Group:
    """Return values without the first `batch_axes - 1` axes after the batch: what the node's module sees."""
    return {key: _with_axes(value, axes_of(value)[batch_axes - 1 :]) for key, value in inputs.items()}


def unfolded(value: Value, lead: tuple[int, ...]) -> Value:
    return _with_axes(value, lead + axes_of(value))


def _with_axes(value: Value, axes: tuple[int, ...]) -> Value:
    return attrs.evolve(value, lead=axes) if isinstance(value, Stream) else attrs.evolve(value, dims=axes)


def fold_tensors(value: Tokens | Features, sizes: tuple[int, ...]) -> Tokens | Features:
    """Fold the axes of these sizes, the batch first, into one.

    Presence of whole samples, and latents, are repeated for every entry of the other axes.
    """
    from antifaz.core.tokens import Features, Tokens

    if isinstance(value, Tokens):
        if value.values.dim() == 3:
            ones = (1,) * (len(sizes) - 1)
            value = value.map(lambda t: t.view(-1, *ones, *t.shape[1:]).expand(*sizes, *t.shape[1:]))
    elif value.valid is not None and value.valid.dim() < len(sizes):
        value = Features(value.values, expand_axes(value.valid, sizes))
    return value.map(lambda t: t.flatten(0, len(sizes) - 1))


def unfold_tensors(value: Tokens | Features, sizes: tuple[int, ...]) -> Tokens | Features:
    """Undo `fold_tensors`."""
    return value.map(lambda t: t.unflatten(0, sizes))


def expand_axes(valid: Tensor, sizes: Sequence[int]) -> Tensor:
    """Presence over the first of these axes -> presence over all of them."""
    return valid.view(*valid.shape, *(1 for _ in sizes[valid.dim() :])).expand(tuple(sizes))


def presence_over(valid: Tensor, sizes: Sequence[int]) -> Tensor:
    """Presence over just these leading axes: of whole samples where it is known for other ones."""
    from antifaz.core.tokens import per_sample

    return valid if tuple(valid.shape) == tuple(sizes) else expand_axes(per_sample(valid), sizes)
