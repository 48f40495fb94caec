"""Published figures hold for the inputs that they stand beside: others are named, wherever they were set."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.analysis.check.published import changed_inputs
from antifaz.core.experiment import read
from antifaz.registry import load_document

FIGURES = "inputs: {video: [3, 4], audio: [8]}\npublished: {source: us, flops: 1.0e6}\n"


@pytest.mark.parametrize(
    ("extending", "overrides", "changed"),
    [
        ("", [], ()),
        ("graph: {a: {use: x}}\n", [], ()),
        ("inputs: {audio: [16]}\n", [], ("inputs.audio",)),
        ("inputs: {audio: [16]}\n", ["inputs.video=[3, 8]"], ("inputs.audio", "inputs.video")),
        ("inputs: {audio: [16]}\npublished: {source: them, flops: 2.0e6}\n", [], ()),
        ("inputs: {audio: [16]}\n", ["published.flops=2.0e6"], ()),
    ],
)
def test_inputs_that_were_set_over_the_figures_are_named(
    tmp_path: Path, extending: str, overrides: list[str], changed: tuple[str, ...]
) -> None:
    (tmp_path / "base.yaml").write_text(FIGURES)
    (tmp_path / "top.yaml").write_text("extends: base.yaml\n" + extending)
    named = changed_inputs(load_document(tmp_path / "top.yaml", overrides))
    assert sorted({".".join(key.split(".")[:2]).partition("[")[0] for key in named}) == sorted(changed)


def test_a_config_without_figures_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text("inputs: {video: [3, 4]}\n")
    assert changed_inputs(load_document(tmp_path / "plain.yaml")) == ()


def test_inputs_that_are_not_those_of_the_published_figures_are_named(plugins) -> None:
    document = read("models/vit-tiny", plugins, ["inputs.image=[3, 1, 256, 256]"]).document
    assert changed_inputs(document) == ("inputs.image",)
    assert changed_inputs(read("models/vit-tiny", plugins).document) == ()
