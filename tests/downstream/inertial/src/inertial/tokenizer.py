"""Inertial, a tokenizer: what can be set, and what it makes of which shape. No torch here."""

from __future__ import annotations

import attrs
from antifaz.core.streams import Group, Shape, Stream
from antifaz.registry import SpecError, component, option, positive


@component("tokenizer", "inertial_tokenizer")
@attrs.frozen(kw_only=True)
class InertialTokenizer:
    """A signal of several channels, cut into pieces along time: one linear map, plus a learned position table."""

    patch: int = option(validator=positive, doc="samples of a piece")
    width: int = option(validator=positive, doc="of a token")

    def outputs(self, inputs: Group) -> Stream:
        (signal,) = inputs.values()
        if not isinstance(signal, Shape) or len(signal.dims) != 2:
            raise SpecError(f"this needs a signal (channels, samples), not {list(signal.dims)}", field="in")
        if signal.dims[1] % self.patch:
            raise SpecError(f"{signal.dims[1]} samples cannot be cut into {self.patch}", field="patch", hint="choose a divisor")
        return Stream("tokens", self.width, (signal.dims[1] // self.patch,))

    def build(self, inputs: Group):
        from .tokenizer_module import InertialTokenizerModule

        (signal,) = inputs.values()
        return InertialTokenizerModule(signal.dims[0], self.patch, self.outputs(inputs).tokens, self.width)
