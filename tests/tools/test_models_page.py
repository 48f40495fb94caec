"""Every shipped model: it loads, passes `check`, and stands in docs/models.md with the figures that it has."""

from __future__ import annotations

import models_page
import pytest

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.registry import Plugins

NAMES = models_page.model_names()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_as_the_page_says(name: str, plugins: Plugins) -> None:
    experiment = read(name, plugins)
    report = check(experiment)
    assert f"models/{report.name}" == name
    text = models_page.PAGE.read_text(encoding="utf-8")
    advice = "docs/models.md is out of date; renew it: make models"
    assert models_page.row(name, experiment, report) in text, advice
    assert models_page.note(name, report) in text, advice


def test_the_page_has_no_other_models() -> None:
    rows = [line for line in models_page.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows[2:]] == [name.removeprefix("models/") for name in NAMES]


@pytest.mark.parametrize(("convention", "compared"), [("", "+0.0 %"), ("vatt-paper", "-0.2 %")])
def test_published_flops_are_compared_as_they_were_counted(plugins: Plugins, convention: str, compared: str) -> None:
    """The published FLOPs are the true count of `check`; by VATT's convention quickstart has 0.2 % less."""
    flops = check(read("quickstart", plugins), data=False).flops
    published = f"published={{source: us, flops: {float(flops)}, counted_by: '{convention}'}}"
    experiment = read("quickstart", plugins, [published])
    row = models_page.row("quickstart", experiment, check(experiment, data=False))
    assert f"| {compared} | us |" in row
    assert ("by vatt-paper" in row) == bool(convention)


def test_an_unknown_convention_is_refused(plugins: Plugins) -> None:
    experiment = read("quickstart", plugins, ["published={source: us, flops: 1.0e6, counted_by: vatt-papper}"])
    with pytest.raises(SystemExit, match="unknown FLOP convention 'vatt-papper'; known conventions: vatt-paper"):
        models_page.row("quickstart", experiment, check(experiment, data=False))
