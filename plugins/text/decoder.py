"""Ids out of sentences. Axes: B batch, C candidates, K sentences that are kept, L ids of a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from antifaz.core.tokens import Features
from antifaz.data.sources import Text, UnreadableText

from .words import BEGIN, END, PAD, SPECIALS, UNKNOWN, words_of

if TYPE_CHECKING:
    from .spec import Sentences

Encoding = Callable[[str], Sequence[int]]
"""A sentence -> its ids, without padding and marks."""
SHOWN = 40
"""Characters of a sentence that a message shows."""


class TextDecoder:
    """Sentences of a sample as ids.

    A sentence in which there is nothing (no character, no word) is no candidate; a sample without any has no text.

    Args:
        spec: the settings.
        seconds: of the clip: where sentences have times, those nearest to its middle come first.
        encode: a sentence -> ids.
        fingerprint: of the vocabulary's file, None where there is none.
    """

    def __init__(self, spec: Sentences, seconds: float, encode: Encoding, fingerprint: str | None = None) -> None:
        self.spec, self.seconds, self.encode, self.fingerprint = spec, seconds, encode, fingerprint
        self.taken = spec.candidates or 1
        self.kept = spec.draw_from or self.taken

    def decode(self, source: Text, start: float) -> Tensor | None:
        """int32 (K, L), rows of padding where there are fewer sentences; None where there is none.

        Raises:
            UnreadableText: not UTF-8; or too long, where that is refused.
        """
        stored_KL = torch.full((self.kept, self.spec.length), PAD, dtype=torch.int32)
        rows = 0
        for sentence in source.nearest(start + self.seconds / 2):
            ids = self._ids(sentence)
            if ids:
                stored_KL[rows, : len(ids)] = torch.tensor(ids)
                rows += 1
            if rows == self.kept:
                break
        return stored_KL if rows else None

    def _ids(self, sentence: str) -> list[int]:
        """Return a sentence's ids, cut to the limit, with marks if they are asked for; none for an empty one."""
        text = sentence.strip()
        try:
            text.encode()
        except UnicodeEncodeError:
            shown = text[:SHOWN].encode("utf-8", "backslashreplace").decode()
            raise UnreadableText(f"this text is not UTF-8: {shown!r}") from None
        ids = list(self.encode(text))
        limit = self.spec.length - 2 * self.spec.marks
        if len(ids) > limit and self.spec.too_long == "refuse":
            message = f"this text has {len(ids)} ids, {limit} are allowed: {text[:SHOWN]!r}"
            raise UnreadableText(message, hint="raise `length`, or set `too_long: cut`")
        ids = ids[:limit]
        return [BEGIN, *ids, END] if ids and self.spec.marks else ids

    def augment(self, stored: Tensor) -> Tensor:
        """Shuffle the sentences that are present, if some are drawn from more; otherwise return all as they are."""
        if self.kept == self.taken:
            return stored
        present = (stored != PAD).any(dim=-1).nonzero()[:, 0]
        mixed = torch.full_like(stored, PAD)
        mixed[: len(present)] = stored[present[torch.randperm(len(present))]]
        return mixed

    def finish(self, stored: Tensor, training: bool) -> Tensor | Features:
        """int32 (B, K, L) -> int64 (B, L), or Features (B, C, L) that say which candidates are there."""
        taken_BCL = stored[:, : self.taken].long()
        if self.spec.candidates is None:
            return taken_BCL[:, 0]
        return Features(taken_BCL, (taken_BCL != PAD).any(dim=-1))


def bytes_of(text: str) -> list[int]:
    """UTF-8, behind the special ids."""
    return [len(SPECIALS) + byte for byte in text.encode()]


def encoding_of_words(vocabulary: Sequence[str]) -> Encoding:
    """Ids of words in the order of a vocabulary, behind the special ids."""
    ids = {word: len(SPECIALS) + i for i, word in enumerate(vocabulary)}
    return lambda text: [ids.get(word, UNKNOWN) for word in words_of(text)]
