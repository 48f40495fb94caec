"""Wiring: order, influence and need, and names that parameters can carry."""

from __future__ import annotations

import pytest

from antifaz.core.graph.wire import Wire
from antifaz.core.graph.wiring import NodePlan, Wiring, wire
from antifaz.core.streams import Shape
from antifaz.plugins.classification.spec import LinearHeads

INPUTS = {"a": Shape((4,)), "b": Shape((4,))}


def wired(plans: dict[str, NodePlan]) -> tuple[Wiring, list[tuple[tuple, str]]]:
    problems: list[tuple[tuple, str]] = []
    return wire(plans, INPUTS, lambda path, message, hint=None: problems.append((path, message))), problems


def test_nodes_stand_behind_what_they_read() -> None:
    heads = LinearHeads(classes=3)
    wiring, problems = wired({"late": NodePlan(heads, "early"), "early": NodePlan(heads, ("batch.a", "batch.b"))})
    assert problems == []
    assert list(wiring.nodes) == ["early", "late"]
    assert wiring.unused() == ["late"]
    assert wiring.influences() == {"early.a": {"a"}, "early.b": {"b"}, "late.a": {"a"}, "late.b": {"b"}}
    assert wiring.needed_for([Wire("b", "late", "b")]) == {
        "late": (frozenset("b"), frozenset("b")),
        "early": (frozenset("b"), frozenset("b")),
    }
    assert wiring.has("early.a")
    assert not wiring.has("early.c")
    assert wiring.group("early.a") == {"a": Shape((3,))}


def test_every_mistake_is_told_once() -> None:
    heads = LinearHeads(classes=3)
    wiring, problems = wired({"x": NodePlan(heads, "y"), "y": NodePlan(heads, "x"), "z": NodePlan(heads, "nobody")})
    assert wiring.nodes == {}
    assert [(path, message.partition(":")[0]) for path, message in problems] == [
        (("z", "in"), "unknown node 'nobody' in the reference 'nobody'"),
        (("x", "in"), "the nodes form a cycle"),
    ]


@pytest.mark.parametrize(("first", "second"), [("my-a", "my_a"), ("global", "global_")])
def test_names_that_parameters_cannot_tell_apart_are_refused(first: str, second: str) -> None:
    _, problems = wired({"x": NodePlan(LinearHeads(classes=3), {first: "batch.a", second: "batch.b"})})
    assert problems == [(("x", "in"), f"{first!r} and {second!r} are too much alike for parameters named after them")]
