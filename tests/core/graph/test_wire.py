"""References and the edges that they stand for."""

from __future__ import annotations

import pytest

from antifaz.core.graph.wire import Wire, references, well_formed, wire_inputs
from antifaz.registry import SpecError

OUTPUTS = {"a": [Wire("a", "a", "a")], "e": [Wire("a", "e", "a"), Wire("v", "e", "v")], "e.v": [Wire("v", "e", "v")]}


def test_a_wire_is_written_as_short_as_it_can_be() -> None:
    assert [wire.reference for wire in (Wire("x", "a", "a"), Wire("x", "e", "v"), Wire("x", "batch", "batch"))] == [
        "a",
        "e.v",
        "batch.batch",
    ]


def test_every_form_of_in_names_its_references_and_their_places() -> None:
    assert references(None) == []
    assert references("a") == [((), None, "a")]
    assert references(("a", "e.v")) == [((0,), None, "a"), ((1,), None, "e.v")]
    assert references({"x": "a"}) == [(("x",), "x", "a")]
    assert references(("a", ("b", "c"))) == [((0,), None, "a"), ((1, 0), None, "b"), ((1, 1), None, "c")]
    assert references({"x": ("a", "b"), "y": {"z": "c"}}) == [(("x", 0), "x", "a"), (("x", 1), "x", "b"), (("y", "z"), "y", "c")]


def test_a_malformed_in_is_none() -> None:
    assert well_formed(["a", "b"]) == ("a", "b")
    assert well_formed({"x": "a"}) == {"x": "a"}
    assert well_formed({"x": ["a", {"y": "b"}]}) == {"x": ("a", {"y": "b"})}
    assert well_formed(["a", 3]) is None
    assert well_formed(["a", {"y": ["b", 3]}]) is None
    assert well_formed(3) is None


def test_a_key_renames_one_output() -> None:
    assert wire_inputs({"x": "e.v"}, OUTPUTS.__getitem__) == (Wire("x", "e", "v"),)
    with pytest.raises(SpecError, match="'x' names 2 outputs of 'e'"):
        wire_inputs({"x": "e"}, OUTPUTS.__getitem__)


def test_two_values_under_one_key_are_refused() -> None:
    with pytest.raises(SpecError, match=r"two inputs are called 'a': a and e\.a"):
        wire_inputs(("a", "e"), OUTPUTS.__getitem__)
