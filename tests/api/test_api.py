"""The top of the package: a few names, each imported when it is first used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import antifaz


@pytest.mark.parametrize("name", antifaz.__all__)
def test_a_name_is_that_of_its_module(name: str) -> None:
    assert getattr(antifaz, name) is getattr(importlib.import_module(antifaz.HOMES[name]), name)


def test_every_name_is_listed() -> None:
    assert dir(antifaz) == sorted(antifaz.HOMES) == antifaz.__all__


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'antifaz' has no attribute 'laod'"):
        antifaz.laod  # noqa: B018


@pytest.mark.parametrize("code", ["import antifaz", "from antifaz import read", "from antifaz import discover"])
def test_importing_loads_no_torch(code: str) -> None:
    subprocess.run([sys.executable, "-c", f"import sys; {code}; assert 'torch' not in sys.modules"], check=True)
