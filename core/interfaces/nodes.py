"""The contracts of graph nodes and of masks. Specs are torch-free attrs classes; torch is imported inside `build`.

What a node's module is called with follows from its kind:

| kind | called with | returns |
| --- | --- | --- |
| tokenizer | `(raw, valid)`: a tensor (batch, ...) and its presence (batch,) bool or None | `Tokens` |
| latents | `(batch_size)` | `Tokens` |
| backbone | `({stream: Tokens})`, absent streams are not in the dict | `{stream: Tokens}` |
| readout | `({stream: Tokens}, outputs=...)` | `{output: Features}` |
| head | `({name: Features})` | `{output: Features}` |

A readout is told by `outputs` which outputs are asked. So is a backbone whose module has `takes_outputs = True`: one that can leave
out layers of its own, besides the inputs that the graph leaves out.

A node whose `outputs` is a bare Stream or Shape has one output, named after the node; its module returns a bare value.
Outputs whose inputs are all absent are left out of what a module returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from antifaz.core.kinds import KINDS
from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Stream, Value
from antifaz.registry import slot

if TYPE_CHECKING:
    from torch import Tensor, nn


@slot(KINDS["mask"])
class MaskPolicy(Protocol):
    """Makes a routing from the streams, in whatever order they come: a mask that needs an order sorts their names."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        """Return the routing. Self-attention is the case `readers == sources`. Raises SpecError for streams it cannot route."""


@slot(KINDS["tokenizer"], KINDS["latents"], KINDS["backbone"], KINDS["readout"], KINDS["head"])
class NodeSpec(Protocol):
    """The spec of a graph node."""

    def outputs(self, inputs: Group) -> Value | Group:
        """Return the outputs that the node has for these inputs. Raises SpecError for inputs that do not fit."""

    def routings(self, inputs: Group) -> Sequence[Routing]:
        """One routing per layer, from the first to the last: composed, they say which output may depend on which input.

        May be left out: then outputs named after an input depend on that input alone, and others on every input. The one output
        of a node without named outputs depends on every input, and nothing is asked.
        """

    def build(self, inputs: Group) -> nn.Module:
        """The module, with its parameters initialised on the current default device."""


class TakesOutputs(Protocol):
    """Optional for a backbone's module: it can leave out layers of its own, and is called with the asked `outputs=...`."""

    takes_outputs: bool


class AdaptsWeights(Protocol):
    """Optional for a node's module: it takes weights of another shape."""

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return a node's given weights, under its own names, as it can use them, such as position tables resampled to its grid.

        It may add what no such checkpoint has.
        """
