"""Types for what is known of a value before there is any data; they flow along the graph when it is built. No torch here."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar

import attrs

from antifaz.registry import SpecError

Item = TypeVar("Item")


@attrs.frozen
class Stream:
    """A named run of tokens, of a modality or latent: `tokens` vectors of `width`, laid out on `grid` ((T, H, W), (F, T), (N,)).

    `lead` are sizes between the batch axis and the tokens (several sentences per clip); see `batch_axes` of a graph node.
    `partial`: in training, some of the tokens may have been dropped (`Tokens.index` says which are left).
    """

    name: str
    width: int
    grid: tuple[int, ...]
    latent: bool = False
    lead: tuple[int, ...] = ()
    partial: bool = False

    @property
    def tokens(self) -> int:
        return math.prod(self.grid)

    @property
    def dims(self) -> tuple[int, ...]:
        """Sizes of the values after the batch axis."""
        return (*self.lead, self.tokens, self.width)


@attrs.frozen
class Shape:
    """A tensor per sample: a raw modality, a label, features. `dims` are its sizes after the batch axis.

    `dtype` is torch's name of the element type; `classes` names what the entries of a label or of logits mean, where known.
    `vocab_size` is the number of values that integers may take, from 0, where known.
    """

    dims: tuple[int, ...]
    dtype: str = "float32"
    classes: tuple[str, ...] = ()
    vocab_size: int | None = None

    @property
    def bound(self) -> int:
        """Integers to try a model with lie below this."""
        return self.vocab_size or max(2, len(self.classes))


MEMBERS_OF_MODULES = re.compile(
    r"(named_)?(buffers|children|modules|parameters)|(add|get|register|set)_(buffer|extra_state|module|parameter|submodule)|"
    r"T_destination|apply|bfloat16|call_super_init|clear|compile|copy|cpu|cuda|double|dump_patches|eval|extra_repr|float|forward|"
    r"fromkeys|get|half|ipu|items|keys|(load_)?state_dict|mtia|pop(item)?|register_\w+_hook|requires_grad_|setdefault|share_memory|"
    r"to(_empty)?|train(ing)?|type|update|values|xpu|zero_grad"
)


def parameter_name(stream: str) -> str:
    """Return what a stream's own parameters are called: an identifier, as torch.export needs it, that is free in torch's modules.

    Keywords (`global`), members of torch's modules (`type`) and names that begin with `_` get a `_` at their end.
    """
    name = re.sub(r"\W|^(?=\d)", "_", stream)
    taken = keyword.iskeyword(name) or MEMBERS_OF_MODULES.fullmatch(name) or stream.startswith("_")
    return f"{name}_" if taken else name


def only(group: Mapping[str, Item]) -> Item:
    """Return the single member of a group that must have exactly one."""
    (member,) = group.values()
    return member


def streams_of(values: Group) -> list[Stream]:
    """Return the streams among these values."""
    return [value for value in values.values() if isinstance(value, Stream)]


def require_whole(streams: Iterable[Stream], why: str) -> None:
    """SpecError for a stream of which tokens are dropped. why: who takes every one, as "windows take"."""
    for stream in streams:
        if stream.partial:
            message = f"tokens of {stream.name!r} are dropped in training, but {why} every one"
            raise SpecError(message, field="in", hint="drop none of this stream, or set `rate: 0.0`")


def one_width(values: Group, hint: str = "give their nodes the same `width`") -> int:
    """The width that all streams among these values have; SpecError where they differ, or there are none."""
    widths = {name: value.width for name, value in values.items() if isinstance(value, Stream)}
    if not widths:
        raise SpecError("no tokens arrive here", field="in", hint="name one stream or more")
    if len(set(widths.values())) != 1:
        listing = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise SpecError(f"all streams need one width, these differ: {listing}", field="in", hint=hint)
    return next(iter(widths.values()))


Value = Stream | Shape
Group = Mapping[str, Value]
"""The values that arrive at a node or leave it, by name."""

Positions = Literal["learned", "separable", "separable_plain", "none"]
"""The way a tokenizer tells the places of its grid apart; the table is in antifaz.layers.positions."""
