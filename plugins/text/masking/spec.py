"""Masked language modelling: ids are hidden in training, and the model is to say what stood there.

Source: Devlin et al. 2019 (BERT: 15 % of the ids, of which 80 % are replaced by one id, 10 % by a random one, 10 % stay);
Jaegle et al. 2022 (Perceiver IO: 15 % of the words). That each is drawn by itself, and which id stands in their place, is *ours*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Shape
from antifaz.registry import SpecError, above_zero_to_one, at_least, between, component, option, suggest

from ..words import SPECIALS, UNKNOWN

if TYPE_CHECKING:
    from .batch_transform import HiddenTokens


@component("batch_transform", "mask_tokens")
@attrs.frozen(kw_only=True)
class MaskTokens:
    """Hides random ids of an entry; NAME_target keeps what stood there, and is there at hidden places alone."""

    entry: str = option(default="text", doc="ids from a decoder of text")
    rate: float = option(default=0.15, validator=above_zero_to_one, doc="share of the ids, or words, that are hidden")
    word_break: int | None = option(
        default=None, validator=at_least(0), doc="an id that parts words, which are then hidden whole (36, the blank, of `bytes`)"
    )
    mask: int = option(default=UNKNOWN, validator=at_least(0), doc="the id in place of a hidden one, where none other is meant")
    random: float = option(default=0.1, validator=between(0, 1), doc="share of the hidden that become a random id instead")
    keep: float = option(default=0.1, validator=between(0, 1), doc="share of the hidden that stay as they are")

    def __attrs_post_init__(self) -> None:
        if self.random + self.keep > 1:
            raise SpecError(f"`random` and `keep` are shares of one whole, not {self.random + self.keep:g}", field="keep")

    @property
    def target(self) -> str:
        return f"{self.entry}_target"

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        if self.target in shapes:
            raise SpecError(f"the data have an entry {self.target!r} already", field="entry")
        return {**shapes, self.target: self._ids(shapes)}

    def build(self, shapes: Mapping[str, Shape]) -> HiddenTokens:
        from .batch_transform import HiddenTokens

        vocab_size = self._ids(shapes).vocab_size
        assert vocab_size is not None  # checked there
        return HiddenTokens(self, vocab_size)

    def _ids(self, shapes: Mapping[str, Shape]) -> Shape:
        if self.entry not in shapes:
            hint = suggest(self.entry, list(shapes), noun="entries")
            raise SpecError(f"there is no entry {self.entry!r} in the data", field="entry", hint=hint)
        entry = shapes[self.entry]
        if entry.vocab_size is None or not entry.dims:
            message = f"{self.entry!r} is {entry.dtype} {list(entry.dims)}, not text"
            raise SpecError(message, field="entry", hint="ids come from `bytes`, `words` or `subwords`")
        if self.mask >= entry.vocab_size:
            raise SpecError(f"there is no id {self.mask} in a vocabulary of {entry.vocab_size}", field="mask")
        if entry.vocab_size <= len(SPECIALS):
            raise SpecError(f"a vocabulary of {entry.vocab_size} ids has nothing to hide", field="entry")
        return entry
