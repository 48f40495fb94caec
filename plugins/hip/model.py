"""The Hierarchical Perceiver: blocks of groups that merge towards the middle and part again, with a skip across.

Source: Carreira et al. 2022 and the public code google-deepmind/hierarchical_perceiver: cross-attention with one head as wide as
what it reads, squared ReLU, LayerNorm eps 1e-5, no final norm. First weights are truncated normals with the deviation n^-0.5, where
n is the number of inputs of a linear map, and the number of learned queries for these.
Axes: B batch (1 for learned queries that nothing was added to), G groups, Z latents of a group, N tokens of a group, T tokens,
C width, S width of what is read, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import attend
from antifaz.layers.transformer import RoutedAttention

from .grouping import Cut, Lane, Layout

Marks = Mapping[str, Tensor | None]
"""lane -> (B, G, N) validity of what it reads, None where all is."""


class SquaredMLP(nn.Module):
    """Linear, squared ReLU, Linear.  (..., C) -> (..., C)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.down(F.relu(self.up(x)).square())
        return result


class CrossAttention(nn.Module):
    """Queries read tokens with one head, then x + MLP(LN(x)).

    Args:
        width: C of queries and result.
        source_width: S of what is read, and of the head.
        residual: whether the queries are added to what they read; the reconstruction head does not.
    """

    def __init__(self, width: int, source_width: int, *, residual: bool = True) -> None:
        super().__init__()
        self.residual = residual
        self.query_norm = nn.LayerNorm(width, eps=1e-5)
        self.source_norm = nn.LayerNorm(source_width, eps=1e-5)
        self.query = nn.Linear(width, source_width)
        self.key = nn.Linear(source_width, source_width)
        self.value = nn.Linear(source_width, source_width)
        self.out = nn.Linear(source_width, width)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-5)
        self.mlp = SquaredMLP(width, width)

    def forward(
        self, queries: Mapping[str, Tensor], sources: Mapping[str, Tensor], routing: Routing, marks: Marks
    ) -> dict[str, Tensor]:
        """queries: lane -> (B or 1, G, Z, C). sources: lane -> (B, G, N, S), at least those of the queries. marks: of the sources.

        A lane that reads itself alone does so group by group; one that reads others reads all of their groups.
        Returns lane -> (B, G, Z, C).
        """
        normed = {name: self.source_norm(x) for name, x in sources.items()}
        k = {name: self.key(x) for name, x in normed.items()}
        v = {name: self.value(x) for name, x in normed.items()}
        result = {}
        for name, q_BGZC in queries.items():
            groups, latents = q_BGZC.shape[1:3]
            batch = sources[name].shape[0]
            q_BGZS = self.query(self.query_norm(q_BGZC)).expand(batch, -1, -1, -1)
            row = routing.restrict(sources, [name])
            alone = row.sources == (name,)
            fold = _groups_to_batch if alone else _groups_to_tokens
            read = attend(
                {name: fold(q_BGZS)[:, None]},
                {each: fold(k[each])[:, None] for each in row.sources},
                {each: fold(v[each])[:, None] for each in row.sources},
                row,
                valid={each: _folded(marks[each], fold) for each in row.sources},
            )[name]
            x_BGZC = self.out(read.reshape(batch, groups, latents, -1))
            x_BGZC = x_BGZC + q_BGZC if self.residual else x_BGZC
            result[name] = x_BGZC + self.mlp(self.mlp_norm(x_BGZC))
        return result


def _folded(mark: Tensor | None, fold: Callable[[Tensor], Tensor]) -> Tensor | None:
    return None if mark is None else fold(mark)


def _groups_to_batch(x_BG: Tensor) -> Tensor:
    """(B, G, ...) -> (B * G, ...)."""
    return x_BG.flatten(0, 1)


def _groups_to_tokens(x_BGN: Tensor) -> Tensor:
    """(B, G, N, ...) -> (B, G * N, ...)."""
    return x_BGN.flatten(1, 2)


class SelfAttention(nn.Module):
    """x + attention(LN(x)), then x + MLP(LN(x)), within every group.  (B, G, Z, C) -> (B, G, Z, C)."""

    def __init__(self, width: int, heads: int, *, widening: int = 4) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-5)
        self.attention = RoutedAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-5)
        self.mlp = SquaredMLP(width, widening * width)
        self.group_routing = Routing.full({"group": ["group"]})

    def forward(self, x_BGZC: Tensor) -> Tensor:
        groups = {"group": self.attention_norm(x_BGZC).flatten(0, 1)}
        x_BGZC = x_BGZC + self.attention(groups, groups, self.group_routing)["group"].view_as(x_BGZC)
        x_BGZC = x_BGZC + self.mlp(self.mlp_norm(x_BGZC))
        return x_BGZC


class Block(nn.Module):
    """Learned queries, so many for each group, read the group; self-attention within it follows.

    Args:
        groups: of all lanes.
        latents: queries for each group.
        width, heads, layers: of the self-attention.
        source_width: of what arrives.
        skip_width: of the mirrored block's latents, which are added to the queries; None before the decoder.
    """

    def __init__(
        self, *, groups: int, latents: int, width: int, heads: int, layers: int, source_width: int, skip_width: int | None = None
    ) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(groups, latents, width))
        self.skip = nn.Identity() if skip_width in (None, width) else nn.Linear(int(skip_width or 0), width)
        self.cross = CrossAttention(width, source_width)
        self.layers = nn.ModuleList(SelfAttention(width, heads) for _ in range(layers))

    def forward(
        self,
        places: Mapping[str, tuple[int, int]],
        sources: Mapping[str, Tensor],
        routing: Routing,
        marks: Marks,
        skips: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """places: lane -> its first group and how many. sources: lane -> (B, G, N, S). skips: lane -> (B, G, Z, skip width).

        Returns lane -> (B, G, Z, C).
        """
        queries = {name: self.queries[None, first : first + count] for name, (first, count) in places.items()}
        if skips is not None:
            queries = {name: q_BGZC + self.skip(skips[name]) for name, q_BGZC in queries.items()}
        hidden: dict[str, Tensor] = self.cross(queries, sources, routing, marks)
        for layer in self.layers:
            hidden = {name: layer(x_BGZC) for name, x_BGZC in hidden.items()}
        return hidden


class HierarchicalPerceiver(nn.Module):
    """Encoder, middle and, where something is to be decoded, decoder and reconstruction head.

    Args:
        width: of the streams.
        layout: which groups there are, and what they hold and read.
        latents, channels, heads, layers: of each level.
        queries: query stream -> the stream whose groups it reads at the end; empty for the encoder half alone.
    """

    def __init__(
        self,
        width: int,
        layout: Layout,
        *,
        latents: Sequence[int],
        channels: Sequence[int],
        heads: Sequence[int],
        layers: Sequence[int],
        queries: Mapping[str, str],
    ) -> None:
        super().__init__()
        self.layout, self.queries = layout, dict(queries)
        self.routing = layout.routing()
        self.middle = len(channels) // 2
        last = len(channels) - 1
        self.blocks = nn.ModuleList(
            Block(
                groups=layout.groups[i],
                latents=latents[i],
                width=channels[i],
                heads=heads[i],
                layers=layers[i],
                source_width=channels[i - 1] if i else width,
                skip_width=channels[last - i] if i > self.middle else None,
            )
            for i in range(last + 1 if queries else self.middle + 1)
        )
        self.reconstruction = CrossAttention(width, channels[last], residual=False) if queries else None
        self.apply(_first_weights)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, T, C), absent ones are not there.

        Returns the middle's latents, by lane, and by its name every query stream that is there, filled with what it read; where
        the stream that it asks for is absent, zeros that are marked invalid.
        """
        asked = {name: streams[name] for name in self.queries if name in streams}
        sources, marks = self._arriving(streams, like=next(iter(streams.values())).values)
        states: list[dict[str, Tensor]] = []
        for i in range(self.middle + 1):
            hidden, valid = self._level(i, sources, marks)
            states.append(hidden)
            if i < self.middle:
                sources, marks = _regrouped(self.layout.lanes, i + 1, hidden, valid)
        latents = {
            name: Tokens(x_BGZC.flatten(1, 2), tuple(x_BGZC.shape[1:3]), valid=_of_tokens(valid[name], x_BGZC.shape[2]))
            for name, x_BGZC in hidden.items()
        }
        return {**latents, **self._decoded(asked, states, valid)} if asked else latents

    def _level(
        self, i: int, sources: Mapping[str, Tensor], marks: Marks, skips: Mapping[str, Tensor] | None = None
    ) -> tuple[dict[str, Tensor], Marks]:
        """Run one block. Returns lane -> (B, G, Z, C), and (B, G): which groups had anything valid to read."""
        places = {lane.name: (lane.first[i], lane.groups[i]) for lane in self.layout.lanes if lane.name in sources}
        hidden = self.blocks[i](places, sources, self.routing, marks, skips)
        return hidden, {name: _readable(self.routing.restrict(sources, [name]).sources, name, marks) for name in hidden}

    def _decoded(self, asked: Mapping[str, Tokens], states: Sequence[Mapping[str, Tensor]], valid: Marks) -> dict[str, Tokens]:
        """Decode to as many groups as at the start, along the lanes that the queries need, then run the reconstruction head."""
        needed = self._needed({self.layout.home(self.queries[name])[0].name for name in asked})
        hidden = {name: x_BGZC for name, x_BGZC in states[-1].items() if name in needed}
        for i in range(self.middle + 1, len(self.blocks)):
            sources, marks = _regrouped(self.layout.lanes, i, hidden, valid)
            mirrored = states[len(self.blocks) - 1 - i]
            hidden, valid = self._level(i, sources, marks, {name: mirrored[name] for name in hidden})
        return {name: self._reconstructed(name, query, hidden, valid) for name, query in asked.items()}

    def _needed(self, lanes: set[str]) -> set[str]:
        """Return these lanes and all that they read, in any number of steps."""
        for _ in self.layout.lanes:
            lanes = lanes.union(*(lane.reads for lane in self.layout.lanes if lane.name in lanes))
        return lanes

    def _reconstructed(self, name: str, query: Tokens, hidden: Mapping[str, Tensor], valid: Marks) -> Tokens:
        """A query stream, cut as its stream was at the start: each group reads the group of its place."""
        assert self.reconstruction is not None
        lane, first = self.layout.home(self.queries[name])
        batch, tokens = query.values.shape[:2]
        if lane.name not in hidden:
            nothing = torch.zeros(batch, tokens, dtype=torch.bool, device=query.values.device)
            return Tokens(torch.zeros_like(query.values), query.grid, valid=nothing)
        cut = self.layout.query_cut(self.queries[name], tokens)
        x_BGZC = hidden[lane.name][:, first : first + cut.groups]
        mark = valid[lane.name]
        valid_BG = None if mark is None else mark[:, first : first + cut.groups]
        itself = Routing.full({name: [name]})
        marks = {name: None if valid_BG is None else valid_BG[..., None].expand(-1, -1, x_BGZC.shape[2])}
        read = self.reconstruction({name: cut_tokens(query.values, cut)}, {name: x_BGZC}, itself, marks)[name]
        readable = query.valid
        if valid_BG is not None:
            from_groups = joined_groups(valid_BG[..., None].expand(-1, -1, cut.size)[..., None], cut)[..., 0]
            readable = from_groups if readable is None else readable & from_groups
        return Tokens(joined_groups(read, cut), query.grid, valid=readable)

    def _arriving(self, streams: Mapping[str, Tokens], like: Tensor) -> tuple[dict[str, Tensor], Marks]:
        """The streams cut into the groups of the first level: lane -> (B, G, N, C), and their validity.

        A lane without any of its streams is left out; a stream that is missing beside others of its lane is zero and invalid.
        """
        sources: dict[str, Tensor] = {}
        marks: dict[str, Tensor | None] = {}
        for lane in self.layout.lanes:
            alone = len(lane.arrival) == 1
            if alone and not lane.arrival.keys() & streams.keys():
                continue
            parts, valid = [], []
            for name, cut in lane.arrival.items():
                length = sum(groups * tokens for groups, tokens in cut.runs)
                if name in streams:
                    x_BTC, valid_BT = _full_grid(name, streams[name]), streams[name].valid
                else:
                    x_BTC = like.new_zeros(like.shape[0], length, like.shape[2])
                    valid_BT = torch.zeros(like.shape[0], length, dtype=torch.bool, device=like.device)
                parts.append(cut_tokens(x_BTC, cut))
                valid.append(None if valid_BT is None else cut_marks(valid_BT, cut))
            sources[lane.name] = torch.cat(parts, dim=1)
            marks[lane.name] = _joined_marks(parts, valid)
        return sources, marks


def _full_grid(name: str, tokens: Tokens) -> Tensor:
    if tokens.index is not None:
        raise ValueError(f"{name!r} has dropped tokens, but hip groups the whole grid")
    return tokens.values


def _regrouped(lanes: Sequence[Lane], level: int, hidden: Mapping[str, Tensor], valid: Marks) -> tuple[dict[str, Tensor], Marks]:
    """The latents of one level dealt to the groups of the next: lane -> (B, G, N, C), and their validity.

    valid: lane -> (B, G), which groups of the level before had anything valid.
    """
    sources: dict[str, Tensor] = {}
    marks: dict[str, Tensor | None] = {}
    for lane in lanes:
        cut = lane.cuts[level]
        if lane.name in hidden and cut is not None:
            x_BGZC = hidden[lane.name]
            sources[lane.name] = cut_tokens(x_BGZC.flatten(1, 2), cut)
            of_tokens = _of_tokens(valid[lane.name], x_BGZC.shape[2])
            marks[lane.name] = None if of_tokens is None else cut_marks(of_tokens, cut)
    return sources, marks


def cut_tokens(x_BTC: Tensor, cut: Cut) -> Tensor:
    """(B, T, C) -> (B, G, N, C): neighbours in groups, zeros at the end of those that are short."""
    parts, start = [], 0
    for groups, length in cut.runs:
        part_BTC = x_BTC[:, start : start + groups * length]
        part_BGNC = part_BTC.reshape(x_BTC.shape[0], groups, length, x_BTC.shape[2])
        parts.append(part_BGNC if length == cut.size else F.pad(part_BGNC, (0, 0, 0, cut.size - length)))
        start += groups * length
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def joined_groups(x_BGNC: Tensor, cut: Cut) -> Tensor:
    """(B, G, N, C) -> (B, T, C): the inverse of `cut_tokens`, without the padding."""
    parts, first = [], 0
    for groups, length in cut.runs:
        parts.append(x_BGNC[:, first : first + groups, :length].flatten(1, 2))
        first += groups
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def cut_marks(valid_BT: Tensor, cut: Cut) -> Tensor:
    """(B, T) -> (B, G, N): padding can be read, as ever, unless a sample has nothing valid at all."""
    some_B = valid_BT.any(dim=1)
    cut_valid = cut_tokens(valid_BT[..., None], cut)[..., 0]
    real = cut_tokens(torch.ones_like(valid_BT)[..., None], cut)[..., 0]
    return cut_valid | (~real & some_B[:, None, None])


def _joined_marks(parts: Sequence[Tensor], valid: Sequence[Tensor | None]) -> Tensor | None:
    """Marks of streams side by side; None if all is valid."""
    if all(mark is None for mark in valid):
        return None
    full = [torch.ones(x.shape[:3], dtype=torch.bool, device=x.device) for x in parts]
    return torch.cat([f if mark is None else mark for f, mark in zip(full, valid, strict=True)], dim=1)


def _of_tokens(valid_BG: Tensor | None, latents: int) -> Tensor | None:
    """(B, G) -> (B, G * Z)."""
    return None if valid_BG is None else valid_BG.repeat_interleave(latents, dim=1)


def _readable(sources: Sequence[str], name: str, marks: Marks) -> Tensor | None:
    """(B, G): which groups of a lane had anything valid to read; None if all had.

    A lane that reads others is there in the samples that have anything of its own: elsewhere it is as if it were not in the call.
    """
    own = marks[name]
    if tuple(sources) == (name,):
        return None if own is None else own.any(dim=2)
    read = [mark.flatten(1).any(dim=1) for mark in (marks[each] for each in sources) if mark is not None]
    known = [torch.stack(read).any(dim=0)] if len(read) == len(sources) else []
    known += [] if own is None else [own.flatten(1).any(dim=1)]
    return torch.stack(known).all(dim=0)[:, None] if known else None


def _first_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
        nn.init.zeros_(module.bias)
    elif isinstance(module, Block):
        groups, latents, _ = module.queries.shape
        nn.init.trunc_normal_(module.queries, std=(groups * latents) ** -0.5)
