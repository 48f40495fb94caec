"""The values that flow along the graph at run time. Both classes are pytree nodes: torch.compile and torch.func see through them.

Plain frozen dataclasses, not attrs: frozen attrs instances break torch.compile(fullgraph=True) and DDP's search for tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree


@dataclass(frozen=True)
class Tokens:
    """One stream.

    values: (batch, tokens, width).
    grid: the layout of the full stream; its product is `tokens` unless `index` is given.
    index: (batch, tokens) cells of the grid that survived dropping or masking; None = all of them, in order.
    valid: (batch, tokens) bool, None = all valid. Decided on the host by collate, so that nothing reads the device to find out.
    """

    values: Tensor
    grid: tuple[int, ...]
    index: Tensor | None = None
    valid: Tensor | None = None

    def with_values(self, values: Tensor) -> Tokens:
        """The same tokens with other vectors."""
        return Tokens(values, self.grid, self.index, self.valid)

    def map(self, change: Callable[[Tensor], Tensor]) -> Tokens:
        """Apply a change of the leading axes to every tensor."""
        index, valid = (None if t is None else change(t) for t in (self.index, self.valid))
        return Tokens(change(self.values), self.grid, index, valid)


@dataclass(frozen=True)
class Features:
    """A tensor per sample: raw input, label, pooled features, logits, embeddings.

    values: (batch, ...).
    valid: (batch,) bool: which samples have it; None = all. (batch, ...) where a sample has several, each there or not, such as
    candidate sentences, and where `batch_axes` was unfolded.
    """

    values: Tensor
    valid: Tensor | None = None

    def presence(self) -> Tensor:
        """(batch,) bool, also where every sample has it."""
        if self.valid is not None:
            return self.valid
        return torch.ones(self.values.shape[0], dtype=torch.bool, device=self.values.device)

    def in_samples(self) -> Tensor:
        """(batch,) bool: whether a sample has any of it."""
        return per_sample(self.presence())

    def map(self, change: Callable[[Tensor], Tensor]) -> Features:
        """Apply a change of the leading axes to every tensor."""
        return Features(change(self.values), None if self.valid is None else change(self.valid))


def per_sample(valid: Tensor) -> Tensor:
    """Presence (batch, ...) of the parts of samples -> (batch,): whether any is there."""
    return valid if valid.dim() == 1 else valid.flatten(1).any(dim=1)


def token_presence(valid: Tensor | None, tokens: int) -> Tensor | None:
    """Presence per sample (batch,) -> validity per token (batch, tokens); None stays None."""
    return None if valid is None else valid[:, None].expand(-1, tokens)


def _register(cls: type[Tokens] | type[Features]) -> None:
    tensors = [f.name for f in fields(cls) if f.name != "grid"]

    def flatten(value: Any) -> tuple[list[Any], Any]:
        return [getattr(value, name) for name in tensors], getattr(value, "grid", None)

    def flatten_with_keys(value: Any) -> tuple[list[Any], Any]:
        children, grid = flatten(value)
        return [(pytree.GetAttrKey(name), child) for name, child in zip(tensors, children, strict=True)], grid

    def unflatten(children: Any, grid: Any) -> Any:
        named = dict(zip(tensors, children, strict=True))
        return Features(**named) if cls is Features else Tokens(**named, grid=grid)

    name = f"antifaz.{cls.__name__}"
    pytree.register_pytree_node(cls, flatten, unflatten, serialized_type_name=name, flatten_with_keys_fn=flatten_with_keys)


_register(Tokens)
_register(Features)
