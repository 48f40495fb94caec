"""Predictions name classes by what objectives and metrics say of themselves, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.core.graph.module import build_graph
from antifaz.engine.predict import Answer, Predictor

PLUGIN = '''
from typing import ClassVar
import attrs
from antifaz.registry import component, hookimpl

@component("objective", "margin", arguments=("truth", "marks"))
@attrs.frozen(kw_only=True)
class Margin:
    """Marks of classes against the truth."""
    {protocol}

    def validate(self, inputs):
        pass

    def build(self, inputs):
        raise NotImplementedError

@hookimpl
def antifaz_components():
    return [Margin]
'''


def answer(tiny_config: Path, folder: Path, protocol: str) -> Answer:
    """Answer for a clip of the embedded data set by an untrained graph whose labels are learned by the objective of a stranger."""
    (folder / "margin.py").write_text(PLUGIN.replace("{protocol}", protocol))
    objective = "stages.finetune.objectives.labels={use: margin, in: {truth: batch.label, marks: labels}}"
    experiment = read(tiny_config, discover([folder / "margin.py"]), [objective, "stages.evaluate=!delete"])
    samples = experiment.data["labelled"].dataset.build(training=False)
    predictor = Predictor(experiment, "finetune", build_graph(experiment.wirings["finetune"], seed=0).eval())
    (found,) = predictor.predict([samples.identity(0)], top=2)
    return found


@pytest.mark.parametrize("protocol", ['class_scores: ClassVar[tuple[str, str]] = ("marks", "truth")', ""], ids=["said", "not said"])
def test_classes_are_named_where_an_objective_says_what_scores_them(tiny_config: Path, tmp_path: Path, protocol: str) -> None:
    found = answer(tiny_config, tmp_path, protocol)
    outputs = {"labels.video", "labels.audio", "labels.fusion", "labels.global"}
    assert outputs <= set(found.outputs)
    assert set(found.labels) == (outputs if protocol else set())
    for best in found.labels.values():
        assert len(best) == 2
        assert best[0][1] >= best[1][1] > 0
