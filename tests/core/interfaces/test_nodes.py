"""Shipped graph nodes and mask policies keep their contracts."""

from __future__ import annotations

import pytest

from antifaz.core.interfaces import MaskPolicy, NodeSpec
from antifaz.core.kinds import KINDS
from antifaz.registry import Plugins
from tests.support.protocols import broken_promises

NODES = [kind.name for kind in KINDS.values() if kind.accepts is not None]


@pytest.mark.parametrize("kind", NODES)
def test_shipped_nodes_keep_their_contract(plugins: Plugins, kind: str) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == kind]
    assert specs
    broken = {spec.__name__: found for spec in specs if (found := broken_promises(spec, NodeSpec, optional=("routings",)))}
    assert broken == {}


def test_shipped_mask_policies_keep_theirs(plugins: Plugins) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == "mask"]
    assert specs
    assert {spec.__name__: broken for spec in specs if (broken := broken_promises(spec, MaskPolicy))} == {}


def test_a_broken_promise_is_found() -> None:
    class Wrong:
        def outputs(self) -> None: ...

    assert broken_promises(Wrong, NodeSpec, optional=("routings",)) == [
        "outputs(self) -> 'None' cannot be called as outputs(self, inputs: 'Group') -> 'Value | Group'",
        "build is missing",
    ]
