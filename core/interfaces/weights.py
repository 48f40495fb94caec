"""The contract of weights in another library's format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

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
