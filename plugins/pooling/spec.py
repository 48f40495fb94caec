"""Pooling: tokens become one vector by a rule, not by learning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream
from antifaz.registry import component

if TYPE_CHECKING:
    from .mean import MeanPooling


@component("readout", "mean_readout")
@attrs.frozen(kw_only=True)
class MeanReadout:
    """The mean of each stream's valid tokens; of a stream with one token (a class token), that token."""

    def outputs(self, inputs: Group) -> Group:
        return {name: Shape((stream.width,)) for name, stream in inputs.items() if isinstance(stream, Stream)}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (Routing.full({name: [name] for name in inputs}),)

    def build(self, inputs: Group) -> MeanPooling:
        from .mean import MeanPooling

        return MeanPooling()
