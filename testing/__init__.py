"""The conformance kit: what every component of a kind must do, as checks for pytest.

@pytest.mark.parametrize("check", conformance(antifaz_examples()), ids=str)
def test_conforms(check):
    check()
"""

from .kit import Check, conformance

__all__ = ["Check", "conformance"]
