"""The batches of a training stage: its data set's samples under the changes that its `data:` entry lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from antifaz.core.experiment import DataEntry, Experiment, TrainStage
from antifaz.core.interfaces import SampleSet
from antifaz.core.seeds import derived_seed
from antifaz.core.streams import Shape
from antifaz.data.batches import Batch, training_batches
from antifaz.data.contract import Origin, blaming


def stage_batches(
    experiment: Experiment,
    name: str,
    stage: TrainStage,
    samples: SampleSet,
    *,
    start: int = 0,
    rank: int = 0,
    world: int = 1,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """Yield the stage's micro-batches from a step on, in an order that follows from the seed.

    samples: of the stage's data, in training.
    Raises:
        DataError: a set smaller than a batch, a batch that does not divide among processes and micro-batches.
    """
    entry = experiment.data[stage.data]
    return training_batches(
        samples,
        batch_size=entry.batch_size,
        steps=stage.steps,
        start=start,
        seed=derived_seed(experiment.header.seed, name, "data"),
        rank=rank,
        world=world,
        workers=entry.workers,
        micro=stage.accumulate,
        transforms=build_transforms(entry, samples.shapes),
        pin_memory=pin_memory,
        origin=Origin.of(experiment, stage.data, training=True),
    )


def build_transforms(entry: DataEntry, shapes: Mapping[str, Shape]) -> list[Any]:
    """Build the changes of whole batches, each for what the one before leaves."""
    built = []
    for transform in entry.transforms:
        with blaming(transform):
            built.append(transform.build(shapes))
            shapes = {**shapes, **transform.shapes(shapes)}
    return built
