"""Batches of a stage: transforms build on each other's entries, micro-batches follow the stage."""

from __future__ import annotations

from types import SimpleNamespace

from antifaz.core.streams import Shape
from antifaz.engine.training.batches import build_transforms, stage_batches


def test_each_change_is_built_for_what_the_one_before_leaves() -> None:
    seen = []

    def change(entry: str) -> SimpleNamespace:
        return SimpleNamespace(build=lambda shapes: seen.append(set(shapes)) or entry, shapes=lambda shapes: {entry: Shape((1,))})

    entry = SimpleNamespace(transforms=[change("mask"), change("target")])
    assert build_transforms(entry, {"audio": Shape((2,))}) == ["mask", "target"]
    assert seen == [{"audio"}, {"audio", "mask"}]


def test_a_step_has_as_many_batches_as_the_stage_accumulates(tiny) -> None:
    experiment = tiny("stages.finetune.accumulate=2")
    stage = experiment.stages["finetune"]
    samples = experiment.data["labelled"].dataset.build(True)
    found = list(stage_batches(experiment, "finetune", stage, samples, start=1))
    assert [len(batch.indices) for batch in found] == [4] * 6
    whole = list(stage_batches(experiment, "finetune", tiny().stages["finetune"], samples, start=1))
    assert [a.indices + b.indices for a, b in zip(found[::2], found[1::2], strict=True)] == [each.indices for each in whole]
