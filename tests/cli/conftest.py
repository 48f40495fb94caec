"""Commands print as wide as their tables need, whatever terminal the tests run in."""

from __future__ import annotations

import pytest

from antifaz.cli.options import console


@pytest.fixture(autouse=True)
def wide_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "width", 250)
