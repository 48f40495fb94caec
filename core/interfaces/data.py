"""The contracts of data sets, decoders and transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

from antifaz.core.kinds import KINDS
from antifaz.core.streams import Shape
from antifaz.registry import slot

if TYPE_CHECKING:
    from torch import Tensor

    from antifaz.core.tokens import Features


GivenKind: TypeAlias = Literal["file", "sentence", "sentences"]
Entry: TypeAlias = "Tensor | Features"
"""An entry of a sample; Features where it has several of a kind, each there or not."""


@dataclass(frozen=True)
class Sample:
    """entries: name -> what a set keeps of it, None where absent. problem: why it cannot be read. note: what is odd about it."""

    index: int
    entries: Mapping[str, Entry | None]
    problem: str | None = None
    note: str | None = None


class SampleSet(Protocol):
    """A data set, ready to read."""

    shapes: Mapping[str, Shape]

    def __len__(self) -> int: ...

    def load(self, index: int, seed: int) -> Sample:
        """One sample; everything random in it follows from the seed."""

    def finish(self, name: str, stored: Any) -> Entry:
        """(batch, ...) stored entries -> model input; Features where samples have several of a kind."""

    def identity(self, index: int) -> str:
        """Return the name of a sample for people: its path. May be left out: then it has a number."""

    def counts(self) -> dict[str, int]:
        """found, missing, unreadable: what is known when it is opened; a run adds what it meets. May be left out."""


class HasViews(Protocol):
    """Optional for a SampleSet in evaluation: some samples in a row are views of one (clips of a file, crops of a clip).

    views: how many; an evaluation makes one answer of theirs.
    """

    views: int


class HasSentences(Protocol):
    """Optional for a SampleSet, for reports."""

    def sentences(self, index: int) -> Sequence[str]:
        """Return the sentences of a sample."""


def views_of(samples: SampleSet) -> int:
    """Return the number of consecutive samples that are views of one."""
    return getattr(samples, "views", 1)


@slot(KINDS["decoder"])
class DecoderSpec(Protocol):
    """The spec of what turns a media file, or text, into the tensor of one modality."""

    def shape(self, seconds: float) -> Shape:
        """Return the shape of a clip of this length (after `finish`), without touching a file."""

    def build(self, seconds: float) -> Decoder: ...


class ReadsText(Protocol):
    """Optional for a DecoderSpec: its decoder is given the sentences that a data set has of a sample, and no media file.

    reads: `text`; the source is then an `antifaz.data.sources.Text`.
    candidates: how many sentences of a sample it takes, along an axis of their own; None for one without that axis.
    """

    reads: ClassVar[Literal["text"]]
    candidates: int | None


class ReadsFile(Protocol):
    """Optional for a DecoderSpec: its decoder is given a file's path. OSError and ValueError make the file unreadable."""

    reads: ClassVar[Literal["file"]]


class NeedsFiles(Protocol):
    """Optional for the specs of a data set or of weights: it reads files besides the data, such as a vocabulary or a checkpoint."""

    def needed_files(self) -> Mapping[str, str]:
        """{option: path}: `check` names those that are missing, `run` makes nothing without them."""


class Decoder(Protocol):
    """Three steps, so that the first can be cached, the second differs by sample and the third runs on whole batches."""

    def decode(self, source: Any, start: float) -> Tensor | None:
        """The clip that begins at `start` seconds in a compact dtype (uint8 frames, int16 samples), of a fixed shape.

        source: a `Media`, or a `Text` or a `Path` where the spec says so. None where it lacks this modality. Deterministic.

        Raises:
            UnreadableMedia, UnreadableText: what makes the whole sample unreadable.
        """

    def augment(self, stored: Tensor) -> Tensor:
        """Random changes of one sample, in training only; draws from torch's global generator, which the loader seeds."""

    def finish(self, stored: Tensor, training: bool) -> Tensor | Features:
        """(batch, ...) stored clips -> (batch, *shape.dims) model input.

        Features where a sample has several of a kind (candidate sentences): `valid` (batch, ...) says which of them are there.
        """


class HasFingerprint(Protocol):
    """Optional for a Decoder, for caches.

    fingerprint: what its clips depend on besides its spec and the sources: a digest of a vocabulary's file.
    """

    fingerprint: str


@runtime_checkable
class CroppingDecoder(Decoder, Protocol):
    """A decoder that shows a clip in several ways in evaluation, whose answers are averaged."""

    crops: int

    def decode_crop(self, source: Any, start: float, crop: int) -> Tensor | None:
        """Decode one crop of the clip, as `decode` does. crop: 0..crops-1."""


@slot(KINDS["transform"])
class TransformSpec(Protocol):
    """Augments one modality of one sample. domain: may be left out; decoders refuse all but theirs (`video`, `spectrogram`)."""

    def build(self) -> Any:
        """A callable tensor -> tensor, random by torch's global generator."""


@slot(KINDS["batch_transform"])
class BatchTransformSpec(Protocol):
    """The spec of a change to whole training batches."""

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        """Return the shapes of the batch's entries after the change."""

    def build(self, shapes: Mapping[str, Shape]) -> Any:
        """A callable {name: Features} -> {name: Features}, random by torch's global generator."""


@slot(KINDS["dataset"])
class DatasetSpec(Protocol):
    """The spec of a data set."""

    def shapes(self) -> Mapping[str, Shape]:
        """Return the shapes of a sample's entries, without touching the disk. An entry may be absent from single samples."""

    def build(self, training: bool) -> SampleSet:
        """The data set, ready to read: random clips and augmentation in training, neither in evaluation."""


@runtime_checkable
class ReadsMedia(Protocol):
    """Optional for a DatasetSpec, for reports. clip: the `antifaz.data.clips.Clip` of a file that is a sample."""

    clip: Any
    modalities: Mapping[str, DecoderSpec]


@runtime_checkable
class MakesSamples(Protocol):
    """Optional for a DatasetSpec, for `antifaz predict`: it makes a sample of what a person gives."""

    def takes(self) -> Mapping[str, GivenKind]:
        """{name: what may be given}. A file without a name is `path`, or the only one; sentences without a name are `text`."""

    def sample_of(self, given: Mapping[str, Any]) -> SampleSet:
        """Return the views of one sample, as in evaluation; labels, and what is not given, are absent. DataError: what cannot be.

        given: by some of the names, a Path (from Python also something else, such as an array), a str, or a tuple of str.
        """


class CanPeek(Protocol):
    """Optional for a DatasetSpec, for `check`."""

    def peek(self) -> SampleSet | None:
        """The set as in evaluation, opened without making anything (no files, no cache); None where it is not on this machine."""
