"""Routings: groups of readers, pairs, and what composing layers says of influence. Against attention: test_attention.py."""

from __future__ import annotations

import pytest

from antifaz.core.routing import Edge, Routing, compose, needed
from antifaz.registry import SpecError

ZORRO = Routing.full({"audio": ["audio"], "video": ["video"], "fusion": ["audio", "video", "fusion"]})
CROSS = Routing.full({"latent": ["audio", "video"]})
READOUT = Routing.full({"audio": ["audio"], "global": ["audio", "video", "fusion"]}, learned_readers=True)


def test_a_reader_without_a_source_is_refused() -> None:
    with pytest.raises(SpecError, match="stream 'audio' reads nothing"):
        Routing({"audio": {}})


def test_readers_and_sources_in_the_order_of_first_mention() -> None:
    assert ZORRO.readers == ("audio", "video", "fusion")
    assert Routing.full({"q": ["c", "a"], "r": ["a", "b"]}).sources == ("c", "a", "b")


def test_readers_of_one_row_are_one_call_and_causal_ones_stay_alone() -> None:
    joint = Routing.full({"a": ["a", "b"], "b": ["b", "a"], "c": ["c"]})
    assert [readers for readers, _ in joint.groups()] == [("a", "b"), ("c",)]
    causal = Routing({"a": {"a": Edge.CAUSAL}, "b": {"a": Edge.CAUSAL}})
    assert [readers for readers, _ in causal.groups()] == [("a",), ("b",)]


def test_absent_streams_leave_the_routing() -> None:
    assert ZORRO.restrict(["audio", "fusion"]) == Routing.full({"audio": ["audio"], "fusion": ["audio", "fusion"]})
    assert ZORRO.restrict(["audio", "video"], ["fusion"]) == Routing.full({"fusion": ["audio", "video"]})


def test_pairs_are_those_of_the_dense_mask() -> None:
    lengths = {"audio": 3, "video": 4, "fusion": 2}
    assert ZORRO.allowed_pairs(lengths, lengths) == 3 * 3 + 4 * 4 + 2 * 9 == int(ZORRO.dense(lengths, lengths).sum())
    causal = Routing({"a": {"a": Edge.CAUSAL}})
    assert causal.allowed_pairs({"a": 4}, {"a": 4}) == 10
    assert causal.dense({"a": 3}, {"a": 3}).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_dense_masks_stand_in_the_order_of_the_lengths() -> None:
    dense = Routing.full({"a": ["b"], "b": ["b"]}).dense({"b": 1, "a": 2}, {"a": 1, "b": 2})
    assert dense.int().tolist() == [[0, 1, 1], [0, 1, 1], [0, 1, 1]]


def test_text_is_one_line_for_each_reader() -> None:
    routing = Routing({"fusion": {"audio": Edge.FULL, "fusion": Edge.CAUSAL}, "a": {"a": Edge.FULL}})
    assert routing.text() == "fusion reads audio, fusion (causal)\na      reads a"


def test_influence_grows_layer_by_layer() -> None:
    chain = Routing.full({"a": ["a"], "b": ["a"], "c": ["b"]})
    assert compose([chain], "abc")["c"] == {"b", "c"}
    assert compose([chain, chain], "abc")["c"] == {"a", "b", "c"}
    assert compose([ZORRO] * 5, ZORRO.readers)["audio"] == {"audio"}


def test_learned_queries_bring_nothing_of_their_own() -> None:
    influence = compose([ZORRO, READOUT], ZORRO.readers)
    assert influence["audio"] == {"audio"}
    assert influence["global"] == {"audio", "video", "fusion"}
    assert compose([CROSS], ["audio", "video", "latent"])["latent"] == {"audio", "video", "latent"}


def test_what_must_run_for_an_output() -> None:
    assert needed([ZORRO, ZORRO, READOUT], ["audio"]) == {"audio"}
    assert needed([ZORRO, READOUT], ["global"]) == {"audio", "video", "fusion"}
    assert needed([CROSS], ["text"]) == {"text"}


def test_causal_edges_need_one_length() -> None:
    routing = Routing({"a": {"a": Edge.CAUSAL}, "f": {"a": Edge.FULL, "f": Edge.FULL}})
    with pytest.raises(SpecError, match="'a' cannot read 'a' causally: they have 1 and 4 tokens") as refused:
        routing.require_lengths({"a": 1, "f": 2}, {"a": 4, "f": 2})
    assert refused.value.field == "mask"
    routing.require_lengths({"a": 4, "f": 2}, {"a": 4, "f": 7})
