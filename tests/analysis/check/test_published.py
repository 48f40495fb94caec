"""check: published figures are for the inputs that a config had when they were written beside it."""

from __future__ import annotations

from antifaz.analysis.check.published import changed_inputs
from antifaz.core.experiment import read


def test_inputs_that_are_not_those_of_the_published_figures_are_named(plugins) -> None:
    document = read("models/vit-tiny", plugins, ["inputs.image=[3, 1, 256, 256]"]).document
    assert changed_inputs(document) == ("inputs.image",)
    assert changed_inputs(read("models/vit-tiny", plugins).document) == ()
