"""The contract of weights in another library's format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from antifaz.core.kinds import KINDS
from antifaz.registry import slot

if TYPE_CHECKING:
    from torch import Tensor


@slot(KINDS["weights"])
class WeightsSpec(Protocol):
    """The spec of weights in another library's format, for an `init:`.

    parts: what such a checkpoint consists of; each part fills one node.
    """

    parts: ClassVar[tuple[str, ...]]

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        """part -> its weights under the names of the module that plays it here; names that the format does not know under "".

        Shapes may be the other library's where the module has an `adapt`: see `antifaz.core.graph.module.Graph.load_weights`.
        Raises WeightsError where the file cannot be read.
        """


@slot(KINDS["flops"])
class FlopConvention(Protocol):
    """The spec of a way of counting FLOPs that somebody published figures by; the true count stands beside it."""

    def formulas(self) -> Mapping[Any, Callable[..., int]]:
        """Operator -> its count, in the form of `torch.utils.flop_counter`: called with shapes in place of tensors.

        Operators that are not named count truly. Attention is `antifaz.analysis.cost.attention_operator()`, called with the shapes
        (..., R, D) of queries, (..., S, D) of keys and of values, and the number of query-key pairs of each head of each sample.
        """
