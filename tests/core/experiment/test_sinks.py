"""Objectives and metrics are wired once, and everybody reads the same sinks."""

from __future__ import annotations

import pytest

from antifaz.core.experiment import read
from antifaz.core.experiment.sinks import resolve_sink
from antifaz.registry import ConfigError, Plugins, SpecError


def test_a_sink_knows_its_arguments_and_what_arrives_there(plugins: Plugins) -> None:
    experiment = read("quickstart", plugins)
    assert {stage: list(sinks) for stage, sinks in experiment.sinks.items()} == {
        "pretrain": ["av"],
        "retrieval": ["audio_to_video"],
        "finetune": ["labels"],
        "evaluate": ["accuracy"],
    }
    sink = experiment.sinks["finetune"]["labels"]
    assert sink.references == ["labels.video", "labels.audio", "labels.fusion", "labels.global", "batch.label"]
    assert {argument: list(group) for argument, group in sink.groups.items()} == {
        "logits": ["video", "audio", "fusion", "global"],
        "target": ["label"],
    }
    assert sink.entry is experiment.stages["finetune"].objectives["labels"]


def test_values_are_picked_by_reference_and_named_by_argument(plugins: Plugins) -> None:
    sink = read("quickstart", plugins).sinks["finetune"]["labels"]
    values = {"labels.audio": 1, "batch.label": 2, "elsewhere": 3}
    assert sink.pick(values, "logits") == {"audio": 1}
    assert sink.pick(values, "target") == {"label": 2}


@pytest.mark.parametrize(
    "in_",
    [
        "{logits: [labels.audio, labels.video], target: batch.label}",
        "[[labels.audio, labels.video], batch.label]",
        "{logits: {audio: labels.audio, video: labels.video}, target: [batch.label]}",
    ],
)
def test_an_argument_takes_several_references(plugins: Plugins, in_: str) -> None:
    sink = read("quickstart", plugins, [f"stages.finetune.objectives.labels.in={in_}"]).sinks["finetune"]["labels"]
    assert sink.references == ["labels.audio", "labels.video", "batch.label"]
    assert {argument: list(group) for argument, group in sink.groups.items()} == {"logits": ["audio", "video"], "target": ["label"]}
    assert sink.pick({"labels.video": 1, "labels.audio": 2, "batch.label": 3}, "logits") == {"audio": 2, "video": 1}


@pytest.mark.parametrize(
    ("in_", "message"),
    [
        (
            "{logits: [labels.audio, pooled.audio], target: batch.label}",
            "two inputs are called 'audio': labels.audio and pooled.audio",
        ),
        ("[[labels.audio, labels.vido], batch.label]", "node 'labels' has no 'vido'"),
        ("{logits: {one: labels}, target: batch.label}", "'one' names 4 outputs of 'labels'"),
        ("{logits: [[labels]], target: batch.label}", "this must be text, not a list of 1"),
        ("[labels.audio, labels.video, batch.label]", "3 inputs for 2 arguments\n    in order: logits, target; several for one"),
    ],
)
def test_mistakes_within_an_argument_are_told(plugins: Plugins, in_: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read("quickstart", plugins, [f"stages.finetune.objectives.labels.in={in_}"])
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("in_", "message"),
    [
        ("labels", "1 inputs for 2 arguments"),
        ({"logits": "labels", "targt": "batch.label"}, "the arguments are logits, target, not logits, targt"),
        (("labels", "batch.lable"), "lable"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(plugins: Plugins, in_: object, message: str) -> None:
    import attrs

    experiment = read("quickstart", plugins)
    entry = attrs.evolve(experiment.sinks["finetune"]["labels"].entry, in_=in_)
    with pytest.raises(SpecError, match=message):
        resolve_sink("labels", entry, experiment.wiring)
