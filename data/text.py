"""Text: sentences, given in place of a media file to a decoder whose spec says `reads = "text"`. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from antifaz.core.errors import DataError


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


def reads_text(decoder: Any) -> bool:
    """Return True if the decoder of this spec reads a Text, and not a media file."""
    return getattr(decoder, "reads", "media") == "text"


def sentences_taken(decoder: Any) -> int | None:
    """Return how many sentences of a sample this spec's decoder takes along an axis of their own; None without such an axis."""
    taken: int | None = getattr(decoder, "candidates", None)
    return taken


def by_source(modalities: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split {entry: spec of its decoder} into the entries that media files give, and those that text gives."""
    texts = tuple(name for name, decoder in modalities.items() if reads_text(decoder))
    return tuple(name for name in modalities if name not in texts), texts
