"""Shipped readers of other libraries' weights keep their contract."""

from __future__ import annotations

from antifaz.core.interfaces import WeightsSpec
from antifaz.registry import Plugins
from tests.support.protocols import broken_promises


def test_shipped_weights_keep_their_contract(plugins: Plugins) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == "weights"]
    assert specs
    assert {spec.__name__: broken for spec in specs if (broken := broken_promises(spec, WeightsSpec))} == {}
    assert all(spec.parts for spec in specs)
