"""A config without mistakes: the graphs of its stages, and what their data have."""

from __future__ import annotations

from antifaz.core.experiment import read
from antifaz.registry import Plugins

MISMATCH = "data.paired.transforms=[{use: mismatch, exchange: audio, against: video}]"


def test_equal_graphs_stand_under_the_first_stage_that_has_them(plugins: Plugins) -> None:
    experiment = read("quickstart", plugins, ["stages.finetune.graph={fusion: {tokens: 2}}"])
    assert list(experiment.graphs) == ["pretrain", "finetune"]
    assert experiment.wiring is experiment.wirings["evaluate"]
    assert experiment.name == "quickstart"


def test_without_stages_the_graph_stands_under_no_name(plugins: Plugins) -> None:
    experiment = read("models/vit-tiny", plugins)
    assert list(experiment.graphs) == [""]
    assert experiment.sinks == {}
    assert experiment.wiring is experiment.wirings[""]


def test_a_training_stage_has_what_its_transforms_add(plugins: Plugins) -> None:
    experiment = read("quickstart", plugins, [MISMATCH])
    entries = {name: experiment.stage_inputs(stage) for name, stage in experiment.stages.items()}
    assert entries["pretrain"] == {"video", "audio", "matched"}
    assert entries["evaluate"] == {"video", "audio", "label"}
