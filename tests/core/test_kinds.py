"""The table of kinds: calls of graph nodes, and checks that exist."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch

from antifaz.core.kinds import KINDS, Kind, kind_of
from antifaz.core.tokens import Features, Tokens
from antifaz.plugins.zorro.spec import QueryReadout, ZorroMask

NODES = [kind for kind in KINDS.values() if kind.accepts is not None]
TOKENS = Tokens(torch.zeros(2, 3, 4), (3,))


def test_kinds_stand_under_their_names() -> None:
    assert all(name == kind.name and kind.about for name, kind in KINDS.items())


def test_nodes_and_they_alone_have_a_call() -> None:
    assert {kind.name for kind in NODES} == {kind.name for kind in KINDS.values() if kind.call is not None}
    assert {kind.space for kind in NODES} == {"graph node"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_checks_are_functions_of_the_kit(kind: Kind) -> None:
    for check in kind.checks:
        file, _, function = check.partition(".")
        assert callable(getattr(importlib.import_module(f"antifaz.testing.{file}"), function)), check


def test_the_kind_of_a_spec_and_of_its_class() -> None:
    assert kind_of(ZorroMask) is kind_of(ZorroMask()) is KINDS["mask"]
    assert kind_of(QueryReadout) is KINDS["readout"]


def recorded(kind: str, arriving: dict, **attributes: object) -> tuple[tuple, dict]:
    """The arguments that a module of this kind is called with."""
    calls = []

    class Module(SimpleNamespace):
        def __call__(self, *arguments: object, **named: object) -> dict:
            calls.append((arguments, named))
            return {}

    KINDS[kind].call(Module(**attributes), arriving, frozenset(["asked"]), 2)
    return calls[0]


def test_what_modules_are_called_with() -> None:
    raw, valid = torch.zeros(2, 5), torch.tensor([True, False])
    (values, marks), named = recorded("tokenizer", {"x": Features(raw, valid)})
    assert values is raw
    assert marks is valid
    assert named == {}
    assert recorded("latents", {}) == ((2,), {})
    assert recorded("backbone", {"x": TOKENS}) == (({"x": TOKENS},), {})
    assert recorded("backbone", {"x": TOKENS}, takes_outputs=True) == (({"x": TOKENS},), {"outputs": frozenset(["asked"])})
    assert recorded("readout", {"x": TOKENS}) == (({"x": TOKENS},), {"outputs": frozenset(["asked"])})
    assert recorded("head", {"x": TOKENS}) == (({"x": TOKENS},), {})
