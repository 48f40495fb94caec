"""Predictions name classes by what objectives and metrics say of themselves, whoever wrote them."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from antifaz.core.discovery import discover
from antifaz.core.errors import RunError
from antifaz.core.experiment import read
from antifaz.core.graph.module import build_graph
from antifaz.engine.predict import Answer, Predictor, load
from antifaz.registry import ConfigError

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


def test_the_config_of_an_earlier_version_is_answered_with_the_way_to_migrate_it(tiny_config: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    text = tiny_config.read_text()
    config.write_text(text.replace("optimizer: {use: adamw, lr: 0.001}", "optimizer: {lr: 0.001, warmup: 2}", 1))
    assert config.read_text() != text
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ConfigError, match="does not say which one it is") as caught:
        load(tmp_path)
    assert str(caught.value).endswith(f"python tools/migrate_run.py {tmp_path}")


def test_data_that_do_not_read_media_are_refused(tiny_config: Path) -> None:
    experiment = read(tiny_config, discover())
    dataset = attrs.make_class("Numbers", ["clip"])(None)
    name = experiment.stages["finetune"].data
    numbers = attrs.evolve(experiment, data={**experiment.data, name: attrs.evolve(experiment.data[name], dataset=dataset)})
    with pytest.raises(RunError, match="do not say how a media file is read"):
        Predictor(numbers, "finetune", build_graph(experiment.wirings["finetune"], seed=0))
