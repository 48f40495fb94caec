"""Every component of the installed plugins, through the conformance kit."""

from __future__ import annotations

import pytest

from antifaz.registry import component_of, declaration_of
from antifaz.testing import Check, conformance


@pytest.mark.parametrize("check", conformance(), ids=str)
def test_shipped_components_conform(check: Check) -> None:
    check()


def test_every_component_has_an_example(plugins) -> None:
    listed = [example for several in plugins.manager.hook.antifaz_examples() for example in several]
    named = {(e.kind, declaration_of(component_of(e.text, e.kind, plugins.catalogue)).name) for e in listed}
    assert {(c.kind.name, c.name) for c in plugins.catalogue} - named == set()
