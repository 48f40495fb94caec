"""Which stream reads which, by simple rules or written out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from antifaz.core.routing import Edge, Routing
from antifaz.core.streams import Stream
from antifaz.registry import SpecError, component, flatten, suggest


@component("mask", "joint")
@attrs.frozen(kw_only=True)
class Joint:
    """Every reader reads every source: a plain transformer on all tokens."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        names = [source.name for source in sources]
        return Routing.full({reader.name: names for reader in readers}, learned_readers=list(readers) != list(sources))


@component("mask", "isolated")
@attrs.frozen(kw_only=True)
class Isolated:
    """Every stream reads itself alone, latent ones too: separate towers with shared weights."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        names = [source.name for source in sources]
        for reader in readers:
            if reader.name not in names:
                raise SpecError(f"{reader.name!r} has no namesake to read", field="mask", hint=f"sources: {', '.join(names)}")
        return Routing.full({r.name: [r.name] for r in readers}, learned_readers=list(readers) != list(sources))


@component("mask", "routes")
@attrs.frozen(kw_only=True)
class Routes:
    """Routes written out: `{use: routes, video: [video], fusion: [video, fusion], text: {text: causal}}`."""

    routes: Mapping[str, tuple[str, ...] | Mapping[str, str]] = flatten()

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        names = [source.name for source in sources]
        reads = {reader.name: self._row(reader.name, names) for reader in readers}
        unknown = [name for name in self.routes if name not in reads]
        if unknown:
            hint = suggest(unknown[0], list(reads), noun="readers")
            raise SpecError(f"there is no reader {unknown[0]!r}", field=f"mask.{unknown[0]}", hint=hint)
        routing = Routing(reads, learned_readers=list(readers) != list(sources))
        routing.require_lengths(
            {reader.name: reader.tokens for reader in readers}, {source.name: source.tokens for source in sources}
        )
        return routing

    def _row(self, reader: str, sources: Sequence[str]) -> Mapping[str, Edge]:
        if reader not in self.routes:
            raise SpecError(f"the routes do not say what {reader!r} reads", field="mask", hint=f"add `{reader}: [...]`")
        row = self.routes[reader]
        edges = dict(row) if isinstance(row, Mapping) else dict.fromkeys(row, Edge.FULL.value)
        kinds = [edge.value for edge in Edge]
        for source, edge in edges.items():
            if source not in sources:
                hint = suggest(source, list(sources), noun="sources")
                raise SpecError(f"{reader!r} cannot read the unknown {source!r}", field=f"mask.{reader}", hint=hint)
            if edge not in kinds:
                raise SpecError(f"unknown edge {edge!r}", field=f"mask.{reader}", hint=suggest(edge, kinds, noun="edges"))
            if edge == Edge.CAUSAL.value and source != reader:
                raise SpecError("only a stream's edge to itself can be causal", field=f"mask.{reader}")
        return {source: Edge(edge) for source, edge in edges.items()}
