"""Samples: entries of one clip, each there or absent. A file that cannot be read is a sample with nothing in it.

So batches keep their shapes, nothing of a broken file counts in any loss or metric, and the run goes on until the user's limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.interfaces import CroppingDecoder, Decoder, DecoderSpec, Entry, Sample
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.media.file import Media, UnreadableMedia

from .clips import Clip
from .contract import blaming, require_tensor
from .sources import Text, UnreadableText, reads_file


def stacked(parts: Sequence[Entry | None]) -> Entry:
    """Stack the entries of several samples along a batch axis; an absent one is zeros, and marked absent where parts have marks.

    parts: at least one is there.
    """
    present = [part for part in parts if part is not None]
    marks = next((part.valid for part in present if isinstance(part, Features) and part.valid is not None), None)
    values = [part.values if isinstance(part, Features) else part for part in present]
    blank = torch.zeros_like(values[0])
    remaining = iter(values)
    batch = torch.stack([blank if part is None else next(remaining) for part in parts])
    if marks is None:
        return batch
    every, none = torch.ones_like(marks), torch.zeros_like(marks)
    known = [part.valid if isinstance(part, Features) else None for part in parts]
    valid = [none if p is None else every if mark is None else mark for p, mark in zip(parts, known, strict=True)]
    return Features(batch, torch.stack(valid))


def joined(parts: Sequence[Features]) -> Features:
    """Join batches of an entry or output into one; some may say of whole samples what is there, others of several in each."""
    axes = max(part.presence().dim() for part in parts)

    def presence(part: Features) -> Tensor:
        valid = part.presence()
        return valid.view(*valid.shape, *(1 for _ in range(axes - valid.dim()))).expand(part.values.shape[:axes])

    return Features(torch.cat([part.values for part in parts]), torch.cat([presence(part) for part in parts]))


@dataclass(frozen=True)
class Decoded:
    """The clips that decoders made of a row's files.

    entries: modality -> stored clip, None where absent. problem: why a file cannot be read. note: what is odd about the files.
    longer: the files have room for other clips.
    """

    entries: Mapping[str, Tensor | None]
    problem: str | None = None
    note: str | None = None
    longer: bool = False


@dataclass(frozen=True)
class Row:
    """One sample of a table: a file for each modality (often the same), text for others, and further entries such as labels."""

    files: Mapping[str, Path | None]
    extra: Mapping[str, Tensor | None] = field(default_factory=dict)
    texts: Mapping[str, Text | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        files = ", ".join(dict.fromkeys(str(path) for path in self.files.values() if path is not None))
        return files or " / ".join(self.sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what the row says, for people: bytes that are not UTF-8 are written out."""
        sentences = (sentence for text in self.texts.values() if text is not None for sentence in text.sentences)
        return tuple(sentence.encode("utf-8", "backslashreplace").decode() for sentence in sentences)


class MediaSamples:
    """The samples of a table of rows: media files and text.

    In evaluation a row is as many samples as it has views: the clips that `clip` spreads over it, times the crops of its decoders,
    the crops of a clip one after another.

    Args:
        rows: the samples.
        decoders: by modality.
        shapes: of all entries after `finish`.
        clip: the span that is read.
        training: random spans and augmentation, or the centre and none.
        missing: how many rows of the index had no file, for the counts.
        paths: entries whose decoder is given the path of a file of any format, and no media file.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        decoders: Mapping[str, Decoder],
        shapes: Mapping[str, Shape],
        clip: Clip,
        *,
        training: bool,
        missing: int = 0,
        paths: Collection[str] = (),
    ) -> None:
        self.rows, self.decoders, self.shapes, self.clip = rows, decoders, shapes, clip
        self.training, self.missing, self.paths = training, missing, paths
        self.crops = 1 if training else max((d.crops for d in decoders.values() if isinstance(d, CroppingDecoder)), default=1)
        self.views = 1 if training else clip.views * self.crops

    def __len__(self) -> int:
        return len(self.rows) * self.views

    def in_training(self) -> MediaSamples:
        """Return the samples of the same rows as a training stage reads them."""
        return MediaSamples(self.rows, self.decoders, self.shapes, self.clip, training=True, missing=self.missing, paths=self.paths)

    def identity(self, index: int) -> str:
        return self.row(index).name or f"row {index // self.views + 1}"

    def sentences(self, index: int) -> tuple[str, ...]:
        return self.row(index).sentences

    def row(self, index: int) -> Row:
        return self.rows[index // self.views]

    def counts(self) -> dict[str, int]:
        return {"found": len(self.rows), "missing": self.missing, "unreadable": 0}

    def load(self, index: int, seed: int) -> Sample:
        with seeded(seed):
            decoded = self.decoded(index, float(torch.rand(())))
            return self.sample(index, decoded)

    def sample(self, index: int, decoded: Decoded) -> Sample:
        """Return the sample of a row, augmented in training; draws from torch's global generator."""
        if decoded.problem is not None:
            return Sample(index, dict.fromkeys(self.shapes), decoded.problem)
        entries = {name: None if t is None else self._augmented(index, name, t) for name, t in decoded.entries.items()}
        return Sample(index, {**entries, **self.row(index).extra}, note=decoded.note)

    def _augmented(self, index: int, name: str, stored: Tensor) -> Tensor:
        if not self.training:
            return stored
        with blaming(self.decoders[name], f"augmenting {self.identity(index)}", who=f"the decoder of {name!r}"):
            return self.decoders[name].augment(stored)

    def decoded(self, index: int, draw: float) -> Decoded:
        """Decode a sample's files, before augmentation. draw: in [0, 1), the place of a random clip."""
        row = self.row(index)
        view, crop = divmod(index % self.views, self.crops)
        entries: dict[str, Tensor | None] = {}
        try:
            opened = dict.fromkeys(path for name, path in row.files.items() if name not in self.paths)
            media = {path: Media(path) for path in opened if path is not None}
            duration = self._duration([m.duration for m in media.values()])
            start = self.clip.start(duration, draw, self.training, view)
            for name in self.decoders:
                path = row.files.get(name)
                with blaming(self.decoders[name], f"decoding {row.name}", who=f"the decoder of {name!r}"):
                    if path is None:
                        entries[name] = self._decoded(name, row.texts.get(name), start, crop)
                    elif name in self.paths:
                        entries[name] = self._decoded_from_path(name, path, start, crop)
                    else:
                        entries[name] = self._decoded(name, media[path], start, crop)
                require_tensor(entries[name], self.decoders[name], f"the decoder of {name!r}", row.name)
        except UnreadableMedia as error:
            return Decoded({}, str(error))
        except UnreadableText as error:
            return Decoded({}, f"{row.name}: {error}")
        note = None
        if self.clip.is_shorter(duration):
            missing = (
                f"has {duration:.3g} of a clip's {self.clip.seconds:g} seconds; its last picture and silence stand for the rest"
            )
            note = f"{self.identity(index)} {missing}"
        return Decoded(entries, note=note, longer=self.clip.is_longer(duration))

    def _decoded(self, name: str, source: Media | Text | Path | None, start: float, crop: int) -> Tensor | None:
        decoder = self.decoders[name]
        if source is None:
            return None
        if self.crops > 1 and isinstance(decoder, CroppingDecoder):
            return decoder.decode_crop(source, start, crop % decoder.crops)
        return decoder.decode(source, start)

    def _decoded_from_path(self, name: str, path: Path, start: float, crop: int) -> Tensor | None:
        """Decode a file of any format; whatever its decoder cannot read is said with the path and the entry."""
        try:
            return self._decoded(name, path, start, crop)
        except (OSError, ValueError, EOFError, DataError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise UnreadableMedia(f"{path} cannot be read as {name!r}: {reason}") from None

    def _duration(self, durations: Sequence[float]) -> float:
        """Return the seconds that all files of a row have; one shorter than a clip (a photo beside a song) does not count."""
        return min((d for d in durations if d >= self.clip.seconds), default=max(durations, default=0.0))

    def finish(self, name: str, stored: Tensor) -> Entry:
        decoder = self.decoders.get(name)
        return stored if decoder is None else decoder.finish(stored, self.training)


def media_samples(
    rows: Sequence[Row],
    modalities: Mapping[str, DecoderSpec],
    clip: Clip,
    shapes: Mapping[str, Shape],
    *,
    training: bool,
    missing: int = 0,
) -> MediaSamples:
    """Build the decoders of the entries, and the samples of a table by them."""
    decoders = {name: spec.build(clip.seconds) for name, spec in modalities.items()}
    paths = [name for name, spec in modalities.items() if reads_file(spec)]
    return MediaSamples(rows, decoders, shapes, clip, training=training, missing=missing, paths=paths)
