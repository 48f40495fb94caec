"""The contracts that plugins implement. Specs are torch-free attrs classes; torch is imported inside `build`.

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

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from antifaz.registry import slot

from .routing import Routing
from .streams import Group, Shape, Stream, Value

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .data.samples import SampleSet
    from .tokens import Features


@slot("mask")
class MaskPolicy(Protocol):
    """Makes a routing from the streams; knows nothing of the layers that will use it."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        """Who reads whom. Self-attention is the case `readers == sources`. Raises SpecError for streams it cannot route."""


@slot("tokenizer", "latents", "backbone", "readout", "head")
class NodeSpec(Protocol):
    """The spec of a graph node."""

    def outputs(self, inputs: Group) -> Value | Group:
        """What leaves, given what arrives. Raises SpecError where what arrives does not fit."""

    def routings(self, inputs: Group) -> Sequence[Routing]:
        """One routing per layer, from the first to the last: composed, they say which output may depend on which input.

        May be left out: then outputs named after an input depend on that input alone, and others on every input. The one output
        of a node without named outputs depends on every input, and nothing is asked.
        """

    def build(self, inputs: Group) -> nn.Module:
        """The module, with its parameters initialised on the current default device."""


@slot("objective")
class ObjectiveSpec(Protocol):
    """The spec of a loss term; the names in its declaration's `arguments` are what `in:` fills."""

    def build(self, inputs: Mapping[str, Group]) -> nn.Module:
        """An `antifaz.core.objectives.Objective` for these inputs; raises SpecError where shapes do not fit."""


@slot("metric")
class MetricSpec(Protocol):
    """The spec of a figure computed once, over everything that an evaluation collected."""

    def build(self, inputs: Mapping[str, Group]) -> Metric:
        """A callable for these inputs; raises SpecError where shapes do not fit."""


class Metric(Protocol):
    def __call__(self, **inputs: Mapping[str, Features]) -> dict[str, float]:
        """Named figures from the whole evaluation set, on the CPU, (samples, ...) each; absent samples are marked in `valid`."""

    # Optional, for the report: def details(self, **inputs: Mapping[str, Features]) -> antifaz.core.details.Details
    #     Called once with what `__call__` got: scores and answers of single samples, confusion matrices. Kept in the run folder.
    # Optional: lower_is_better: Collection[str]
    #     The figures of which the lower is the better; of all others the higher is.


@slot("decoder")
class DecoderSpec(Protocol):
    """The spec of what turns a media file, or text, into the tensor of one modality."""

    def shape(self, seconds: float) -> Shape:
        """What a clip of this length becomes (after `finish`), without touching a file."""

    def build(self, seconds: float) -> Decoder: ...

    # Optional: reads: ClassVar[str] = "text"
    #     Its decoder is given the sentences that a data set has of a sample, an `antifaz.core.data.text.Text`, and no media file.
    # Optional, of those that read text: candidates: int | None
    #     How many sentences of a sample it takes, along an axis of their own; None, the default, for one without that axis.
    # Optional, as of every spec in a data set: def needed_files(self) -> Mapping[str, str]
    #     {option: path} of files that it reads besides the data (a vocabulary): `check` names those that are missing, `run` makes
    #     nothing without them.


class Decoder(Protocol):
    """Three steps, so that the first can be cached, the second differs by sample and the third runs on whole batches."""

    def decode(self, source: Any, start: float) -> Tensor | None:
        """The clip that begins at `start` seconds in a compact dtype (uint8 frames, int16 samples), of a fixed shape.

        source: a `Media`, or a `Text` where the spec says so. None where it lacks this modality. Deterministic.

        Raises:
            UnreadableMedia, UnreadableText: what makes the whole sample unreadable.
        """

    def augment(self, stored: Tensor) -> Tensor:
        """Random changes of one sample, in training only; draws from torch's global generator, which the loader seeds."""

    def finish(self, stored: Tensor, training: bool) -> Tensor | Features:
        """(batch, ...) stored clips -> (batch, *shape.dims) model input.

        Features where a sample has several of a kind (candidate sentences): `valid` (batch, ...) says which of them are there.
        """

    # Optional, for caches: fingerprint: str
    #     What its clips depend on besides its spec and the sources: a digest of a vocabulary's file.


@runtime_checkable
class CroppingDecoder(Decoder, Protocol):
    """A decoder that shows a clip in several ways in evaluation, whose answers are averaged."""

    crops: int

    def decode_crop(self, source: Any, start: float, crop: int) -> Tensor | None:
        """As `decode`. crop: 0..crops-1."""


@slot("transform")
class TransformSpec(Protocol):
    """The spec of an augmentation of one modality of one sample."""

    def build(self) -> Any:
        """A callable tensor -> tensor, random by torch's global generator."""


@slot("batch_transform")
class BatchTransformSpec(Protocol):
    """The spec of a change to whole training batches."""

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """What the batch's entries become."""

    def build(self, shapes: Mapping[str, Shape]) -> Any:
        """A callable {name: Features} -> {name: Features}, random by torch's global generator."""


@slot("weights")
class WeightsSpec(Protocol):
    """The spec of weights in another library's format, for an `init:`.

    parts: what such a checkpoint consists of; each part fills one node.
    """

    parts: ClassVar[tuple[str, ...]]

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        """part -> its weights under the names of the module that plays it here; names that the format does not know under "".

        Shapes may be the other library's where the module has an `adapt`: see `antifaz.core.graph.graph.Graph.load_weights`.
        Raises WeightsError where the file cannot be read.
        """


@slot("flops")
class FlopConvention(Protocol):
    """The spec of a way of counting FLOPs that somebody published figures by; the true count stands beside it."""

    def formulas(self) -> Mapping[Any, Callable[..., int]]:
        """Operator -> its count, in the form of `torch.utils.flop_counter`: called with shapes in place of tensors.

        Operators that are not named count truly. Attention is `antifaz.core.cost.attention_operator()`, called with the shapes
        (..., R, D) of queries, (..., S, D) of keys and of values, and the number of query-key pairs of each head of each sample.
        """


@slot("dataset")
class DatasetSpec(Protocol):
    """The spec of a data set."""

    def shapes(self) -> Mapping[str, Shape]:
        """What a sample holds, known without touching the disk. An entry may be absent from single samples."""

    def build(self, training: bool) -> SampleSet:
        """The data set, ready to read: random clips and augmentation in training, neither in evaluation."""

    # Optional, for `check`: def peek(self) -> SampleSet | None
    #     The set as in evaluation, opened without making anything (no files, no cache); None where it is not on this machine.
