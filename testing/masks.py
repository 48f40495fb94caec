"""Checks of masks: `inputs` are the streams; a readout's queries named after them, and `global`, are tried too."""

from __future__ import annotations

import contextlib

import attrs

from antifaz.core.routing import Routing, routing_fault
from antifaz.core.streams import Stream
from antifaz.registry import SpecError

from .case import Case, require


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
        fault = routing_fault(routing, readers, sources)
        require(fault is None, *(fault or ("", "")))


def learned_readers(case: Case) -> None:
    """Self-attention keeps what a stream was; a query has nothing to keep."""
    (self_attention, *cross) = _routings(case)
    wrong = "its routing of streams that read each other calls them learned queries, which would lose what they were"
    require(not self_attention[0].learned_readers, wrong, "leave `learned_readers` False where `readers == sources`")
    for routing, _, _ in cross:
        wrong = "its routing of a readout's queries does not call them learned readers"
        require(routing.learned_readers, wrong, "pass `learned_readers=True` to the Routing where `readers` are not `sources`")


def dense_reference(case: Case) -> None:
    """The dense mask has as many allowed pairs as the routing counts, and no empty row."""
    for routing, readers, sources in _routings(case):
        rows = {reader.name: max(1, reader.tokens) for reader in readers}
        columns = {source.name: source.tokens for source in sources}
        dense = routing.dense(rows, columns)
        drawn, counted = int(dense.sum()), routing.allowed_pairs(rows, columns)
        wrong = f"its dense mask allows {drawn} pairs of tokens, its rows count {counted}"
        require(drawn == counted, wrong, "return a plain `antifaz.core.routing.Routing`, whose rows name each source once")
        require(dense.any(dim=1).all(), "a token reads nothing", "give every reader a source that has tokens")


def order_of_streams(case: Case) -> None:
    """The routing does not depend on the order in which streams are named, and is the same when asked again."""
    streams = _streams(case)
    first = _edges(case, streams)
    remedy = "decide by what streams are (`name`, `latent`, `grid`), or by a fixed order such as that of the alphabet"
    for order, what in ((streams, "asked again"), (streams[::-1], "asked in another order of the streams")):
        again = _edges(case, order)
        different = [f"{r} reads {row} and then {again.get(r)}" for r, row in first.items() if row != again.get(r)]
        require(not different, f"{what}, the mask routes otherwise: {'; '.join(different)}", remedy)


def _edges(case: Case, streams: list[Stream]) -> dict[str, dict[str, str]]:
    """Reader -> source -> the name of the edge, in self-attention."""
    routing = case.spec.routing(streams, streams)
    return {reader: {source: row[source].value for source in sorted(row)} for reader, row in routing.reads.items()}
