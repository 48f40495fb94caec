"""Text: a decoder turns a sentence into a fixed number of ids, filled up with padding; a tokenizer makes tokens of ids.

Source: Xue et al. 2022 ("ByT5", bytes behind the special ids); Sennrich et al. 2016 and Radford et al. 2019 (subwords, of bytes);
Akbari et al. 2021 ("VATT", words; its code for the frozen table). How text that is empty, too long or not UTF-8 is taken is *ours*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from antifaz.core.streams import Group, Shape, Stream, only
from antifaz.registry import SpecError, at_least, component, option, positive

from .words import SPECIALS, word_fault

if TYPE_CHECKING:
    from .decoder import Encoding, TextDecoder
    from .embedding import TokenEmbedder


@attrs.frozen(kw_only=True)
class Sentences:
    """The options that all decoders of text share: the numbers of sentences and ids, and the treatment of the rest."""

    reads: ClassVar[str] = "text"
    length: int = option(validator=positive, doc="ids of a sentence; shorter ones are filled up with padding")
    candidates: int | None = option(
        default=None, validator=positive, doc="sentences of a sample, along an axis of their own; null for one without that axis"
    )
    draw_from: int | None = option(
        default=None,
        validator=at_least(2),
        doc="in training, draw at random from so many sentences of the sample; otherwise the first are taken",
    )
    marks: bool = option(default=False, doc="whether a begin and an end mark enclose each sentence; they count as ids")
    too_long: Literal["cut", "refuse"] = option(
        default="cut", doc="what becomes of a sentence with more ids: `cut` takes the first, `refuse` makes the sample unreadable"
    )

    def __attrs_post_init__(self) -> None:
        if self.marks and self.length < 3:
            raise SpecError(f"with its marks a sentence has 3 ids or more, not {self.length}", field="length")
        if self.draw_from is not None and self.draw_from <= (self.candidates or 1):
            raise SpecError(
                f"`draw_from` must be more than the {self.candidates or 1} that are taken, not {self.draw_from}", field="draw_from"
            )

    @property
    def ids(self) -> int:
        """The number of ids, the special ones included."""
        raise NotImplementedError

    def shape(self, seconds: float) -> Shape:
        dims = (self.length,) if self.candidates is None else (self.candidates, self.length)
        return Shape(dims, "int64", vocab_size=self.ids)

    def build(self, seconds: float) -> TextDecoder:
        from .decoder import TextDecoder

        encode, fingerprint = self.encoding()
        return TextDecoder(self, seconds, encode, fingerprint)

    def encoding(self) -> tuple[Encoding, str | None]:
        """Return a function from a sentence to its ids, and a digest of the file that it was read from."""
        raise NotImplementedError

    def needed_files(self) -> Mapping[str, str]:
        """The vocabulary's file, where it is one."""
        vocabulary = getattr(self, "vocabulary", None)
        return {"vocabulary": vocabulary} if isinstance(vocabulary, str) else {}


@component("decoder", "bytes")
@attrs.frozen(kw_only=True)
class Bytes(Sentences):
    """Sentences as the bytes of their UTF-8: 260 ids, no vocabulary, every language."""

    @property
    def ids(self) -> int:
        return len(SPECIALS) + 256

    def encoding(self) -> tuple[Encoding, str | None]:
        from .decoder import bytes_of

        return bytes_of, None


@component("decoder", "words")
@attrs.frozen(kw_only=True)
class Words(Sentences):
    """Sentences as lower-case words of a vocabulary; any other word is one and the same id."""

    vocabulary: str | tuple[str, ...] = option(
        doc="the words, or a UTF-8 file with one on each line, such as `train_vocabulary` writes"
    )
    size: int | None = option(
        default=None, validator=at_least(len(SPECIALS) + 1), doc="ids, four more than the file has words; needed for a file"
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if isinstance(self.vocabulary, str):
            if self.size is None:
                hint = "the number of its words and 4; train_vocabulary returns it"
                raise SpecError("the size of a vocabulary's file is missing", field="size", hint=hint)
            return
        if not self.vocabulary:
            raise SpecError("a vocabulary needs words", field="vocabulary")
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise SpecError("a word is named twice", field="vocabulary")
        if fault := next(filter(None, map(word_fault, self.vocabulary)), None):
            raise SpecError(fault, field="vocabulary")
        if self.size not in (None, self.ids):
            raise SpecError(f"`size` is {self.size}, the words make it {self.ids}", field="size", hint="leave it out")

    @property
    def ids(self) -> int:
        if isinstance(self.vocabulary, str):
            return self.size or 0
        return len(SPECIALS) + len(self.vocabulary)

    def encoding(self) -> tuple[Encoding, str | None]:
        from .decoder import encoding_of_words
        from .vocabulary import read_words

        if not isinstance(self.vocabulary, str):
            return encoding_of_words(self.vocabulary), None
        words, fingerprint = read_words(self.vocabulary, self.ids)
        return encoding_of_words(words), fingerprint


@component("decoder", "subwords")
@attrs.frozen(kw_only=True)
class Subwords(Sentences):
    """Sentences as subwords of a trained vocabulary (the `tokenizers` library); see `train_vocabulary`."""

    vocabulary: str = option(doc="the JSON file that `train_vocabulary` wrote")
    size: int = option(
        validator=at_least(len(SPECIALS) + 1),
        doc="ids of it, the special ones included; train_vocabulary returns it; of other files the highest id and one",
    )

    @property
    def ids(self) -> int:
        return self.size

    def encoding(self) -> tuple[Encoding, str | None]:
        from .subwords import read_subwords

        return read_subwords(self.vocabulary, self.size, marks=self.marks)


@component("tokenizer", "token_embedding")
@attrs.frozen(kw_only=True)
class TokenEmbedding:
    """One vector for each id, plus a learned position table; padding becomes invalid tokens."""

    width: int = option(validator=positive, doc="of a token")
    positions: Literal["learned", "none"] = option(
        default="learned", doc="a table that is added, or none, where attention has relative ones"
    )
    table: int | None = option(
        default=None,
        validator=positive,
        doc="width of the table of vectors, which a linear map without bias and GELU bring to `width`; null for `width` itself",
    )
    frozen: bool = option(default=False, doc="whether the table keeps the values that an `init:` gives it")

    def outputs(self, inputs: Group) -> Stream:
        value = only(inputs)
        if not isinstance(value, Shape) or not value.dtype.startswith("int") or value.vocab_size is None:
            raise SpecError(
                "an embedding needs ids of a vocabulary",
                field="in",
                hint="text from a decoder such as `bytes`, or `inputs: {NAME: {shape: [16], vocab_size: 1000}}`",
            )
        if len(value.dims) != 1:
            hint = "set `batch_axes: 2` for several sentences of a sample" if len(value.dims) == 2 else None
            raise SpecError(f"an embedding takes sentences (ids,), not {list(value.dims)}", field="in", hint=hint)
        return Stream("text", self.width, value.dims)

    def build(self, inputs: Group) -> TokenEmbedder:
        from .embedding import TokenEmbedder

        value = only(inputs)
        assert isinstance(value, Shape)  # checked in outputs
        return TokenEmbedder(
            value.vocab_size or 0,
            value.dims[0],
            self.width,
            table=self.table,
            frozen=self.frozen,
            positions=self.positions == "learned",
        )
