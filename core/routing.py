"""Routing: which stream reads which. Tiny, static, printable; the composition of routings says who can influence whom. No torch.

A routing is one attention layer seen from above. Self-attention is the case where readers and sources are the same streams; a
readout's learned queries are readers that carry nothing of their own (`learned_readers`).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from antifaz.core.streams import Stream
from antifaz.registry import SpecError, suggest

if TYPE_CHECKING:
    from torch import Tensor


class Edge(enum.Enum):
    """The way in which a reader reads a source."""

    FULL = "full"
    CAUSAL = "causal"
    """Token i reads tokens 0..i; only between streams of one length, for there is no one meaning otherwise."""


Reads = Mapping[str, Mapping[str, Edge]]


@dataclass(frozen=True)
class Routing:
    """The sources that each reader reads: `reads[reader][source]` is the edge. Raises SpecError for a reader that reads nothing.

    With `learned_readers` a reader is a learned query: a source of the same name is not itself.

    A plain dataclass, not attrs: a forward pass restricts it, and torch.compile(fullgraph=True) follows no frozen attrs instance.
    """

    reads: Reads
    learned_readers: bool = False

    def __post_init__(self) -> None:
        for reader, sources in self.reads.items():
            if not sources:
                raise SpecError(f"stream {reader!r} reads nothing", hint="a reader needs at least one source; let it read itself")

    @classmethod
    def full(cls, reads: Mapping[str, Iterable[str]], *, learned_readers: bool = False) -> Routing:
        """A routing of FULL edges: `{"audio": ["audio"], "fusion": ["audio", "fusion"]}`."""
        return cls({r: dict.fromkeys(sources, Edge.FULL) for r, sources in reads.items()}, learned_readers)

    @property
    def readers(self) -> tuple[str, ...]:
        return tuple(self.reads)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every stream that somebody reads, in the order of first mention."""
        return tuple(dict.fromkeys(s for sources in self.reads.values() for s in sources))

    def restrict(self, sources: Iterable[str], readers: Iterable[str] | None = None) -> Routing:
        """The routing among the streams that are there; readers left with nothing to read are dropped."""
        present = set(sources)
        wanted = set(self.reads) if readers is None else set(readers)
        kept = {r: {s: e for s, e in row.items() if s in present} for r, row in self.reads.items() if r in wanted}
        return Routing({r: row for r, row in kept.items() if row}, self.learned_readers)

    def groups(self) -> list[tuple[tuple[str, ...], Mapping[str, Edge]]]:
        """Return readers with the same row together: each group is one unmasked attention call.

        A causal row stays alone, since its rows depend on the reader's own positions.
        """
        groups: dict[object, tuple[list[str], Mapping[str, Edge]]] = {}
        for reader, row in self.reads.items():
            key = reader if Edge.CAUSAL in row.values() else frozenset(row)
            groups.setdefault(key, ([], row))[0].append(reader)
        return [(tuple(readers), row) for readers, row in groups.values()]

    def require_lengths(self, reader_lengths: Mapping[str, int], source_lengths: Mapping[str, int]) -> None:
        """Refuse causal edges between streams of different lengths.

        Raises:
            SpecError: naming the reader and the source, with their lengths.
        """
        for reader, row in self.reads.items():
            for source, edge in row.items():
                if edge is Edge.CAUSAL and reader_lengths[reader] != source_lengths[source]:
                    lengths = f"{reader_lengths[reader]} and {source_lengths[source]}"
                    message = f"{reader!r} cannot read {source!r} causally: they have {lengths} tokens"
                    raise SpecError(message, field="mask", hint="token i reads tokens 0..i, so both streams need one length")

    def allowed_pairs(self, reader_lengths: Mapping[str, int], source_lengths: Mapping[str, int]) -> int:
        """Return how many query-key pairs an attention layer with this routing computes, its cost.

        Raises:
            SpecError: see `require_lengths`.
        """
        self.require_lengths(reader_lengths, source_lengths)

        def pairs(reader: str, source: str, edge: Edge) -> int:
            rows, columns = reader_lengths[reader], source_lengths[source]
            return rows * (rows + 1) // 2 if edge is Edge.CAUSAL else rows * columns

        return sum(pairs(r, s, e) for r, row in self.reads.items() for s, e in row.items())

    def dense(self, reader_lengths: Mapping[str, int], source_lengths: Mapping[str, int]) -> Tensor:
        """Return (R, S) bool, True = may read, in the order of the two mappings: the reference and the picture, not the hot path.

        Raises:
            SpecError: see `require_lengths`.
        """
        import torch

        self.restrict(source_lengths, reader_lengths).require_lengths(reader_lengths, source_lengths)

        def block(reader: str, source: str) -> Tensor:
            edge = self.reads[reader].get(source)
            allowed = torch.full((reader_lengths[reader], source_lengths[source]), edge is not None)
            return allowed.tril() if edge is Edge.CAUSAL else allowed

        return torch.cat([torch.cat([block(r, s) for s in source_lengths], dim=1) for r in reader_lengths], dim=0)

    def text(self) -> str:
        """Return one line per reader, for people."""
        width = max((len(r) for r in self.reads), default=0)
        rows = {r: ", ".join(s if e is Edge.FULL else f"{s} ({e.value})" for s, e in row.items()) for r, row in self.reads.items()}
        return "\n".join(f"{reader:<{width}} reads {sources}" for reader, sources in rows.items())


def routing_fault(routing: object, readers: Sequence[Stream], sources: Sequence[Stream]) -> tuple[str, str] | None:
    """Say why what a mask returns is no routing of these readers and sources, and what to do; None where it is one."""
    if not isinstance(routing, Routing):
        return f"returns a {type(routing).__name__}, not a Routing", "return a Routing of antifaz.core.routing"
    asked, rows, known = [r.name for r in readers], routing.readers, [s.name for s in sources]
    if set(rows) != set(asked):
        hint = "return one row for each of `readers`, under its name, and no other"
        return f"was asked for the readers {', '.join(asked)} and has rows for {', '.join(rows)}", hint
    if unknown := [name for name in routing.sources if name not in known]:
        return f"reads the unknown stream {unknown[0]!r}", suggest(unknown[0], known, noun="sources")
    return None


Influence = Mapping[str, frozenset[str]]
"""output -> the inputs that it may depend on."""


def compose(routings: Sequence[Routing], inputs: Iterable[str]) -> Influence:
    """Return the inputs that each stream may depend on after these layers.

    A reader keeps what it was (the residual), unless it is a learned query. Streams that a layer does not name pass unchanged.
    """
    state: dict[str, frozenset[str]] = {name: frozenset([name]) for name in inputs}
    for routing in routings:
        before = dict(state)
        for reader, row in routing.reads.items():
            own = frozenset() if routing.learned_readers else before.get(reader, frozenset())
            state[reader] = own.union(*(before.get(source, frozenset()) for source in row))
    return state


def needed(routings: Sequence[Routing], outputs: Iterable[str]) -> frozenset[str]:
    """Return the inputs that must run so that these outputs can be computed, through every layer."""
    wanted = frozenset(outputs)
    for routing in reversed(routings):
        own = frozenset() if routing.learned_readers else wanted
        passing = frozenset(name for name in wanted if name not in routing.reads)
        wanted = own | passing | frozenset(s for r in wanted if r in routing.reads for s in routing.reads[r])
    return wanted
