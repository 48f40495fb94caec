"""Which tokens share a group, at every level of a HiP. No torch.

Source: Carreira et al. 2022, "Hierarchical Perceiver", and the public code google-deepmind/hierarchical_perceiver (the stock
grouping of inputs and the merging of neighbours). Groups by stream (Zorro-HiP) are *ours*: Recasens et al. 2023 name HiP as a
backbone, and the public record does not say how.

A *lane* is a set of groups that are computed together. Stock grouping has one lane of all groups, in which neighbours merge
whatever they hold. Zorro-HiP has a lane for each stream, so that no group ever holds two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from antifaz.core.routing import Edge, Routing
from antifaz.core.streams import Stream
from antifaz.registry import SpecError

STOCK_LANE = "bottleneck"
"""The one lane of the stock grouping, and the name of what it leaves in the middle."""


@dataclass(frozen=True)
class Cut:
    """A row of tokens cut into neighbouring groups: runs of (groups, tokens in each), filled up with zeros to `size` tokens."""

    runs: tuple[tuple[int, int], ...]
    size: int

    @property
    def groups(self) -> int:
        return sum(groups for groups, _ in self.runs)


def stock_cut(tokens: int, groups: int, size: int | None = None) -> Cut:
    """Groups of ceil(tokens / groups) until there are none left: the last may be short and those behind it empty.

    size: of a group with its padding, where groups of other streams are larger.
    """
    length = math.ceil(tokens / groups)
    full, rest = divmod(tokens, length)
    empty = groups - full - bool(rest)
    return Cut(tuple(run for run in ((full, length), (int(bool(rest)), rest), (empty, 0)) if run[0]), size or length)


def even_cut(tokens: int, groups: int) -> Cut:
    """Groups that differ by one token at most, the larger ones first; none is empty."""
    length, longer = divmod(tokens, groups)
    runs = ((longer, length + 1), (groups - longer, length))
    return Cut(tuple(run for run in runs if run[0]), length + bool(longer))


def share_out(groups: int, tokens: Sequence[int]) -> list[int]:
    """Give each stream one group, then each further one to the stream with most tokens in a group; the first of equals gets it."""
    shares = [1] * len(tokens)
    for _ in range(groups - len(tokens)):
        crowding = [n / share for n, share in zip(tokens, shares, strict=True)]
        shares[crowding.index(max(crowding))] += 1
    return shares


@dataclass(frozen=True)
class Lane:
    """Groups that are computed together, from the inputs to the bottleneck and back.

    arrival: how each stream of the lane is cut at the first level, by stream.
    reads: the lanes that its groups read at every level; if that is the lane alone, each group reads itself alone.
    cuts: for each later level, how the tokens of the level before are cut; entry 0 is None.
    first: for each level, the number of its first group among the groups of all lanes.
    """

    name: str
    arrival: Mapping[str, Cut]
    reads: tuple[str, ...]
    cuts: tuple[Cut | None, ...]
    first: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """All lanes. groups: at each level, of all lanes together. stock: whether one lane holds all streams."""

    lanes: tuple[Lane, ...]
    groups: tuple[int, ...]
    stock: bool

    def home(self, stream: str) -> tuple[Lane, int]:
        """The lane of a stream, and the number of the stream's first group within it, at the first and the last level."""
        for lane in self.lanes:
            first = 0
            for name, cut in lane.arrival.items():
                if name == stream:
                    return lane, first
                first += cut.groups
        raise KeyError(stream)

    def query_cut(self, stream: str, tokens: int) -> Cut:
        """Return how queries are dealt to the groups of a stream: as its own tokens, whatever their number."""
        lane, _ = self.home(stream)
        return (stock_cut if self.stock else even_cut)(tokens, lane.arrival[stream].groups)

    def routing(self, sources: str = "{}", readers: str = "{}") -> Routing:
        """Return which lane reads which at one level, under names that two format strings make from the lanes'."""
        reads = {readers.format(lane.name): [sources.format(each) for each in lane.reads] for lane in self.lanes}
        return Routing.full(reads, learned_readers=sources != readers)

    def routings(self, middle: int, queries: Mapping[str, str]) -> list[Routing]:
        """Return one for each block, and one for the reconstruction head if there are queries.  middle: the number of that block.

        The latents of the decoder have names of their own, since those of the middle leave under the lanes' names.
        """
        streams = {lane.name: list(lane.arrival) for lane in self.lanes}
        arrival = {lane.name: [name for each in lane.reads for name in streams[each]] for lane in self.lanes}
        routings = [Routing.full(arrival, learned_readers=self.stock), *[self.routing()] * middle]
        if queries:
            above = "decoded {}"
            routings += [self.routing("{}", above), *[self.routing(above, above)] * (middle - 1)]
            routings.append(Routing.full({name: [above.format(self.home(s)[0].name)] for name, s in queries.items()}))
        return routings


def is_stock(streams: Sequence[Stream], routing: Routing) -> bool:
    """Return whether all read all, the routing of the stock grouping. For a single stream both groupings are the same."""
    full = dict.fromkeys((stream.name for stream in streams), Edge.FULL)
    return len(streams) > 1 and all(routing.reads.get(stream.name) == full for stream in streams)


def check_routing(streams: Sequence[Stream], routing: Routing) -> None:
    """Refuse what groups of a single stream cannot do.

    Raises:
        SpecError: causal edges, a modality that reads another, a latent stream that does not read itself.
    """
    hint = "use `mask: zorro` (groups never mix modalities) or `mask: joint` (the stock grouping, which mixes all)"
    for stream in streams:
        row = routing.reads.get(stream.name, {})
        if Edge.CAUSAL in row.values():
            raise SpecError(f"{stream.name!r} reads in order of time, but a group's latents have none", field="mask", hint=hint)
        others = [name for name in row if name != stream.name]
        if others and not stream.latent:
            read = ", ".join(map(repr, others))
            message = f"{stream.name!r} cannot read {read}: a group of hip holds one modality, or merges with all"
            raise SpecError(message, field="mask", hint=hint)
        if stream.name not in row:
            message = f"{stream.name!r} must read itself: its groups carry nothing else to the next level"
            raise SpecError(message, field="mask", hint=hint)


def stock_layout(streams: Sequence[Stream], groups: Sequence[int], latents: Sequence[int], *, empty_groups: bool) -> Layout:
    """Return one lane: streams side by side at first, neighbours merging from the second level on.  groups, latents: of each level.

    Raises:
        SpecError: more streams than groups, fewer tokens than groups (unless `empty_groups`), a level that does not divide.
    """
    if len(streams) > groups[0]:
        raise SpecError(f"{len(streams)} streams need a group each, but the first level has {groups[0]}", field="groups")
    shares = share_out(groups[0], [stream.tokens for stream in streams])
    for stream, share in zip(streams, shares, strict=True):
        if not empty_groups:
            enough_tokens(stream.name, stream.tokens, share, 0)
    size = max(math.ceil(stream.tokens / share) for stream, share in zip(streams, shares, strict=True))
    arrival = {s.name: stock_cut(s.tokens, share, size) for s, share in zip(streams, shares, strict=True)}
    cuts: list[Cut | None] = [None]
    for level in range(1, len(groups)):
        tokens = groups[level - 1] * latents[level - 1]
        if tokens % groups[level]:
            raise SpecError(
                f"the {tokens} latents of level {level} cannot be dealt to {groups[level]} groups",
                field="latents",
                hint=f"{groups[level - 1]} x `latents` must be a multiple of {groups[level]}",
            )
        cuts.append(stock_cut(tokens, groups[level]))
    lane = Lane(STOCK_LANE, arrival, (STOCK_LANE,), tuple(cuts), (0,) * len(groups), tuple(groups))
    return Layout((lane,), tuple(groups), stock=True)


def separate_layout(streams: Sequence[Stream], routing: Routing, groups: Sequence[int], latents: Sequence[int]) -> Layout:
    """A lane for each stream: a level's groups are shared out to the modalities as at the input, with one for each at least;
    a latent stream has one more at every level, which reads all groups of the streams that the routing gives it.
    groups, latents: of each level.

    Raises:
        SpecError: fewer tokens than groups, at the input or at a later level.
    """
    modalities = [stream for stream in streams if not stream.latent]
    levels = [share_out(max(count, len(modalities)), [s.tokens for s in modalities]) for count in groups]
    shares = {s.name: [level[i] for level in levels] for i, s in enumerate(modalities)}
    shares |= {stream.name: [1] * len(groups) for stream in streams if stream.latent}
    lanes: list[Lane] = []
    used = [0] * len(groups)
    for stream in streams:
        groups_of = shares[stream.name]
        enough_tokens(stream.name, stream.tokens, groups_of[0], 0)
        cuts: list[Cut | None] = [None]
        for level in range(1, len(groups)):
            tokens = groups_of[level - 1] * latents[level - 1]
            enough_tokens(stream.name, tokens, groups_of[level], level)
            cuts.append(even_cut(tokens, groups_of[level]))
        arrival = {stream.name: even_cut(stream.tokens, groups_of[0])}
        reads = tuple(other.name for other in streams if other.name in routing.reads[stream.name])
        lanes.append(Lane(stream.name, arrival, reads, tuple(cuts), tuple(used), tuple(groups_of)))
        used = [a + b for a, b in zip(used, groups_of, strict=True)]
    return Layout(tuple(lanes), tuple(used), stock=False)


def enough_tokens(stream: str, tokens: int, groups: int, level: int) -> None:
    """Refuse a level in which some group of a stream would hold nothing but padding."""
    if tokens < groups:
        where = "the first level" if level == 0 else f"level {level + 1}"
        raise SpecError(
            f"{stream!r} brings {tokens} tokens to {where}, which has {groups} groups for it",
            field="groups",
            hint="use smaller patches or fewer groups",
        )
