"""Objectives and metrics are wired once, and everybody reads the same sinks."""

from __future__ import annotations

import pytest

from antifaz.core.experiment import read
from antifaz.core.experiment.sinks import resolve_sink
from antifaz.registry import Plugins, SpecError


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
