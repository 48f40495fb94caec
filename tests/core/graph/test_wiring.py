"""Wiring: order, influence and need, and names that parameters can carry."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from antifaz.core.graph.wire import Wire
from antifaz.core.graph.wiring import NodePlan, Wiring, wire
from antifaz.core.routing import Routing
from antifaz.core.streams import Shape
from antifaz.plugins.classification.spec import LinearHeads
from antifaz.plugins.vit.spec import ViT
from antifaz.plugins.zorro.spec import Latents
from antifaz.registry import component

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
    assert wiring.value("early", "a") == Shape((3,))


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


@component("mask", "held")
@attrs.frozen(kw_only=True)
class HeldMask:
    """A mask of what the test returns."""

    answer: Callable[[], object]

    def routing(self, readers: object, sources: object) -> object:
        return self.answer()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: Routing.full({"a": ["a"]}), "was asked for the readers a, b and has rows for a"),
        (lambda: Routing.full({"a": ["a"], "b": ["b"], "c": ["a"]}), "was asked for the readers a, b and has rows for a, b, c"),
        (lambda: Routing.full({"a": ["a"], "b": ["bb"]}), "reads the unknown stream 'bb'"),
        (lambda: Routing.full({"a": ["a"], "b": []}), "stream 'b' reads nothing"),
        (lambda: {"a": ["a"], "b": ["b"]}, "returns a dict, not a Routing"),
        (lambda: {}["b"], "failed: KeyError: 'b'"),
    ],
)
def test_a_mask_is_held_to_its_readers_and_sources_and_named(answer: Callable[[], object], said: str) -> None:
    streams = [NodePlan(Latents(tokens=2, width=4)) for _ in "ab"]
    encoder = NodePlan(ViT(mask=HeldMask(answer=answer), depth=1, heads=1), ("a", "b"))
    wiring, [(path, message)] = wired({"a": streams[0], "b": streams[1], "encoder": encoder})
    assert path == ("encoder", "mask")
    assert message.startswith("the mask 'held' of the plugin ")
    assert said in message
    assert "encoder" not in wiring.nodes
