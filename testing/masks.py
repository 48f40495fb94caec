"""Checks of masks: `inputs` are the streams; a readout's queries named after them, and `global`, are tried too."""

from __future__ import annotations

import contextlib

import attrs
import torch

from antifaz.core.routing import Routing
from antifaz.core.streams import Stream
from antifaz.registry import SpecError

from .case import Case


def _streams(case: Case) -> list[Stream]:
    return [attrs.evolve(value, name=name) for name, value in case.inputs.items() if isinstance(value, Stream)]


def _routings(case: Case) -> list[tuple[Routing, list[Stream], list[Stream]]]:
    """Return the routing of self-attention and, where the mask takes them, of queries, with readers and sources."""
    streams = _streams(case)
    routings = [(case.spec.routing(streams, streams), streams, streams)]
    queries = [Stream(stream.name, stream.width, ()) for stream in streams] + [Stream("global", streams[0].width, ())]
    with contextlib.suppress(SpecError):  # a mask may be for self-attention alone, if it says so
        routings.append((case.spec.routing(queries, streams), queries, streams))
    return routings


def covers_readers(case: Case) -> None:
    """There is a row for every reader, none for others, and rows name known sources."""
    for routing, readers, sources in _routings(case):
        assert set(routing.readers) == {reader.name for reader in readers}, f"rows for {routing.readers}"
        unknown = set(routing.sources) - {source.name for source in sources}
        assert not unknown, f"it reads unknown streams: {', '.join(sorted(unknown))}"


def learned_readers(case: Case) -> None:
    """Self-attention keeps what a stream was; a query has nothing to keep."""
    (self_attention, *cross) = _routings(case)
    assert not self_attention[0].learned_readers, "streams that read each other are not learned queries"
    for routing, _, _ in cross:
        assert routing.learned_readers, "queries are learned readers: pass learned_readers=True where readers are not sources"


def dense_reference(case: Case) -> None:
    """The dense mask has as many allowed pairs as the routing counts, and no empty row."""
    for routing, readers, sources in _routings(case):
        rows = {reader.name: max(1, reader.tokens) for reader in readers}
        columns = {source.name: source.tokens for source in sources}
        dense = routing.dense(rows, columns)
        assert int(dense.sum()) == routing.allowed_pairs(rows, columns)
        assert bool(dense.any(dim=1).all()), "a token reads nothing"


def order_of_streams(case: Case) -> None:
    """The routing does not depend on the order in which streams are named, and is the same when asked again."""
    streams = _streams(case)
    first = case.spec.routing(streams, streams)
    turned = streams[::-1]
    for again in (case.spec.routing(streams, streams), case.spec.routing(turned, turned)):
        assert {r: dict(row) for r, row in again.reads.items()} == {r: dict(row) for r, row in first.reads.items()}
    lengths = {stream.name: stream.tokens for stream in streams}
    assert torch.equal(first.dense(lengths, lengths), case.spec.routing(streams, streams).dense(lengths, lengths))
