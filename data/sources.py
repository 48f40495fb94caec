"""What decoders read: media files, files of other formats, text; and what a person may give in place of it. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antifaz.core.errors import DataError
from antifaz.core.interfaces import GivenKind
from antifaz.registry import SpecError, declaration_of

SOURCES = ("media", "file", "text")
"""What a decoder may read: `reads` of its spec, where it is no media."""
PATH = "path"
"""The name of a file that stands for all entries that have none of their own."""
TEXT = "text"
"""The name of sentences that stand for all entries of text that have none of their own."""


class UnreadableText(DataError):
    """Text that is not UTF-8, or longer than the config allows."""


@dataclass(frozen=True)
class Text:
    """The sentences that belong to a sample, the most important first.

    times: of each sentence, seconds on the clock of the sample's media files; empty where they are not known.
    """

    sentences: tuple[str, ...]
    times: tuple[float, ...] = ()

    def nearest(self, seconds: float) -> tuple[str, ...]:
        """Return the sentences by their distance in time from this place; in their own order where times are not known."""
        if not self.times:
            return self.sentences
        pairs = zip(self.sentences, self.times, strict=True)
        return tuple(sentence for sentence, _ in sorted(pairs, key=lambda pair: abs(pair[1] - seconds)))


def reads_file(decoder: Any) -> bool:
    """Return True if the decoder of this spec is given the path of a file, and not a Media."""
    return source_of(decoder) == "file"


def source_of(decoder: Any) -> str:
    """Return what the decoder of this spec is given: `media`, `text` or `file`.

    Raises:
        SpecError: its `reads` is something else.
    """
    reads: str = getattr(decoder, "reads", "media")
    if reads not in SOURCES:
        message = f"the decoder {declaration_of(decoder).name!r} says that it reads {reads!r}"
        raise SpecError(message, hint=f"`reads` of its spec is one of {', '.join(SOURCES)}")
    return reads


def reads_text(decoder: Any) -> bool:
    """Return True if the decoder of this spec reads a Text, and not a media file."""
    return source_of(decoder) == "text"


def sentences_taken(decoder: Any) -> int | None:
    """Return how many sentences of a sample this spec's decoder takes along an axis of their own; None without such an axis."""
    taken: int | None = getattr(decoder, "candidates", None)
    return taken


def by_source(modalities: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split {entry: spec of its decoder} into the entries that media files give, and those that text gives."""
    texts = tuple(name for name, decoder in modalities.items() if reads_text(decoder))
    return tuple(name for name in modalities if name not in texts), texts


def takes(modalities: Mapping[str, Any]) -> dict[str, GivenKind]:
    """Return what a person may give for a sample of these decoders: something for each entry, or for several at once.

    modalities: {entry: spec of its decoder}. One file can stand for several entries where all are media, or none is.
    """
    files, texts = by_source(modalities)
    given: dict[str, GivenKind] = dict.fromkeys(files, "file")
    if len(files) > 1 and len({reads_file(modalities[name]) for name in files}) == 1:
        given[PATH] = "file"
    several = {name: sentences_taken(modalities[name]) is not None for name in texts}
    given |= {name: "sentences" if each else "sentence" for name, each in several.items()}
    if len(texts) > 1:
        given[TEXT] = "sentences" if any(several.values()) else "sentence"
    return given
