"""Every shipped model: it loads, passes `check`, and stands in docs/models.md with the figures that it has."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.registry import Plugins

SOURCE = Path(__file__).parents[2] / "tools" / "models_page.py"
_spec = importlib.util.spec_from_file_location("models_page", SOURCE)
assert _spec is not None
assert _spec.loader is not None
models_page = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(models_page)
NAMES = models_page.model_names()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_as_the_page_says(name: str, plugins: Plugins) -> None:
    report = check(read(name, plugins))
    assert f"models/{report.name}" == name
    text = models_page.PAGE.read_text(encoding="utf-8")
    told = "docs/models.md is out of date; renew it: make models"
    assert models_page.row(name, report) in text, told
    assert models_page.note(name, report) in text, told


def test_the_page_has_no_other_models() -> None:
    rows = [line for line in models_page.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows[2:]] == [name.removeprefix("models/") for name in NAMES]
