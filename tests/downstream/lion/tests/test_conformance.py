"""Everything that Antifaz asks of components of these kinds."""

import pytest
from antifaz.testing import conformance

import lion


@pytest.mark.parametrize("check", conformance(lion.antifaz_examples()), ids=str)
def test_conforms(check):
    check()
