"""Batches: samples stacked, absent entries zero-filled and marked, in an order that follows from a seed and a step alone.

Step k of a stage always has the same samples under the same seeds, whatever the number of processes and workers: a run is resumed
by starting at step k, and nothing is read for the steps before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from antifaz.core.errors import DataError
from antifaz.core.experiment import DataEntry, Experiment, TrainStage
from antifaz.core.interfaces import Sample, SampleSet, views_of
from antifaz.core.seeds import derived_seed, seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.registry import AntifazError

from .contract import Origin, SampleContract, apply_transform, blaming, load_sample
from .samples import stacked
from .workers import become_worker

Transform = Callable[[Mapping[str, Features]], dict[str, Features]]
Key = tuple[int, int]
"""(index, seed) of one sample."""


@dataclass(frozen=True)
class Batch:
    """entries: name -> Features (batch, ...). indices: of the samples in their set.

    problems: index -> why it is unreadable. note: the note of the first sample that has one.
    """

    entries: dict[str, Features]
    indices: list[int]
    problems: dict[int, str] = field(default_factory=dict)
    note: str | None = None

    def to(self, device: torch.device) -> Batch:
        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device, non_blocking=True)

        entries = {n: Features(f.values.to(device, non_blocking=True), move(f.valid)) for n, f in self.entries.items()}
        return replace(self, entries=entries)

    def pin_memory(self) -> Batch:
        entries = {
            n: Features(f.values.pin_memory(), None if f.valid is None else f.valid.pin_memory()) for n, f in self.entries.items()
        }
        return replace(self, entries=entries)


class _Reading(Dataset[tuple[Sample, int] | AntifazError]):
    """Reads samples by key; what a person must be told is handed over as a value, which torch carries out of a worker unchanged."""

    def __init__(self, samples: SampleSet, origin: Origin) -> None:
        self.samples, self.origin = samples, origin

    def __getitem__(self, key: Key) -> tuple[Sample, int] | AntifazError:  # type: ignore[override]
        try:
            return load_sample(self.samples, *key, self.origin), key[1]
        except AntifazError as error:
            return error


class Collate:
    """Stack samples into a Batch; picklable, so that it runs in loader processes.

    Args:
        samples: the set that they are from.
        transforms: changes of whole batches, in order.
        origin: whose samples they are, for messages.
    """

    def __init__(self, samples: SampleSet, transforms: Sequence[Transform] = (), origin: Origin | None = None) -> None:
        self.samples, self.transforms, self.origin = samples, transforms, origin or Origin()
        self.contract = SampleContract(samples, self.origin)

    def __call__(self, loaded: Sequence[tuple[Sample, int]]) -> Batch:
        """Make the batch.

        Raises:
            ComponentError: samples or changes that are not as declared.
        """
        samples = [sample for sample, _ in loaded]
        for sample in samples:
            self.contract.check_entries(sample)
        with seeded(derived_seed("batch", loaded[0][1])):
            entries = {name: self._entry(name, samples) for name in self.samples.shapes}
            shapes = self.samples.shapes
            for place, transform in enumerate(self.transforms):
                entries, shapes = apply_transform(transform, entries, shapes, self.origin, place)
        problems = {s.index: s.problem for s in samples if s.problem is not None}
        note = next((s.note for s in samples if s.note is not None), None)
        return Batch(entries, [s.index for s in samples], problems, note)

    def _entry(self, name: str, samples: Sequence[Sample]) -> Features:
        features = self._stacked(name, samples)
        self.contract.check_range(name, features.values, samples)
        return features

    def _stacked(self, name: str, samples: Sequence[Sample]) -> Features:
        parts = [sample.entries.get(name) for sample in samples]
        shape = self.samples.shapes[name]
        present = [part for part in parts if part is not None]
        if not present:
            values = torch.zeros((len(parts), *shape.dims), dtype=getattr(torch, shape.dtype))
            return Features(values, torch.zeros(len(parts), dtype=torch.bool))
        self.contract.check_stored(name, samples)
        finished = self.contract.finish(name, stacked(parts), samples)
        values, several = (finished.values, finished.valid) if isinstance(finished, Features) else (finished, None)
        if len(present) == len(parts) and several is None:
            return Features(values)
        valid = torch.tensor([part is not None for part in parts])
        if several is not None:
            valid = several & valid.view(-1, *(1 for _ in several.shape[1:]))
        shown = valid.view(*valid.shape, *(1 for _ in values.shape[valid.dim() :]))
        return Features(torch.where(shown, values, torch.zeros((), dtype=values.dtype)), valid)


class _Handing:
    """Collates in a loader process; what a person must be told is handed over as a value."""

    def __init__(self, collate: Collate) -> None:
        self.collate = collate

    def __call__(self, loaded: Sequence[tuple[Sample, int] | AntifazError]) -> Batch | AntifazError:
        for each in loaded:
            if isinstance(each, AntifazError):
                return each
        try:
            return self.collate([each for each in loaded if not isinstance(each, AntifazError)])
        except AntifazError as error:
            return error
        except Exception as error:  # what only a plugin's own samples can bring about
            return self.collate.contract.batch_fault(error)


class TrainingOrder:
    """The keys of every batch of one process, from step `start` to `steps`.

    Each epoch is a permutation under its own seed; what does not fill a batch at its end is left out of it.
    """

    def __init__(self, size: int, *, batch_size: int, steps: int, start: int, seed: int, rank: int, world: int, micro: int) -> None:
        self.size, self.batch_size, self.steps, self.start = size, batch_size, steps, start
        self.seed, self.rank, self.world, self.micro = seed, rank, world, micro

    def __len__(self) -> int:
        return (self.steps - self.start) * self.micro

    def __iter__(self) -> Iterator[list[Key]]:
        per_epoch = self.size // self.batch_size
        local = self.batch_size // self.world
        order: Tensor | None = None
        for step in range(self.start, self.steps):
            epoch, place = divmod(step, per_epoch)
            if order is None or place == 0:
                generator = torch.Generator().manual_seed(derived_seed(self.seed, "epoch", epoch))
                order = torch.randperm(self.size, generator=generator)
            first = place * self.batch_size + self.rank * local
            mine = order[first : first + local].tolist()
            part = local // self.micro
            for begin in range(0, local, part):
                yield [(i, derived_seed(self.seed, epoch, i)) for i in mine[begin : begin + part]]


def training_batches(
    samples: SampleSet,
    *,
    batch_size: int,
    steps: int,
    start: int = 0,
    seed: int = 0,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    micro: int = 1,
    transforms: Sequence[Transform] = (),
    pin_memory: bool = False,
    origin: Origin | None = None,
) -> Iterator[Batch]:
    """Yield the batches of this process, `micro` for each step, from step `start` to `steps`.

    batch_size: of one step over all processes. origin: whose samples they are, for messages.
    Raises:
        DataError: a set smaller than a batch, a batch that does not divide among processes and micro-batches.
        ComponentError: while they are read, what is not as declared.
    """
    if len(samples) < batch_size:
        raise too_few(len(samples), batch_size)
    if batch_size % (world * micro):
        message = f"batch_size {batch_size} does not divide among {world} processes and {micro} micro-batches"
        raise DataError(message, hint=f"choose a multiple of {world * micro}")
    order = TrainingOrder(
        len(samples), batch_size=batch_size, steps=steps, start=start, seed=seed, rank=rank, world=world, micro=micro
    )
    loader = _loader(samples, order, workers=workers, transforms=transforms, pin_memory=pin_memory, origin=origin)
    return _handed_over(loader)


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


def evaluation_batches(
    samples: SampleSet,
    *,
    batch_size: int,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
    pin_memory: bool = False,
    origin: Origin | None = None,
) -> Iterator[Batch]:
    """Yield every sample once, in order; this process has every world-th of them. The last batch may be smaller.

    origin: whose samples they are, for messages.
    Raises:
        ComponentError: while they are read, what is not as declared.
    """
    mine = [(i, derived_seed("evaluation", i)) for i in range(rank, len(samples), world)]
    local = max(1, batch_size // world)
    order = [mine[i : i + local] for i in range(0, len(mine), local)]
    return _handed_over(_loader(samples, order, workers=workers, transforms=(), pin_memory=pin_memory, origin=origin))


def too_few(count: int, batch_size: int) -> DataError:
    """Return the error of a data set that fills no batch."""
    return DataError(f"the data set has {count} samples, fewer than one batch of {batch_size}", hint="lower batch_size")


def _loader(
    samples: SampleSet,
    list_of_keys: Any,
    *,
    workers: int,
    transforms: Sequence[Transform],
    pin_memory: bool,
    origin: Origin | None,
) -> DataLoader[Any]:
    return DataLoader(
        _Reading(samples, origin or Origin()),
        batch_sampler=list_of_keys,
        num_workers=workers,
        collate_fn=_Handing(Collate(samples, transforms, origin)),
        worker_init_fn=become_worker,
        prefetch_factor=4 if workers else None,
        pin_memory=pin_memory,
    )


def _handed_over(loader: DataLoader[Any]) -> Iterator[Batch]:
    """Return what the loader reads; its processes start now.

    Raises:
        AntifazError: while it is read, what a worker has handed over in place of a batch.
    """
    return _batches(iter(loader))


def _batches(handed: Iterator[Batch | AntifazError]) -> Iterator[Batch]:
    while True:
        try:
            each = next(handed)
        except StopIteration:
            return
        except RuntimeError as error:  # torch has no type of its own for it
            if "DataLoader worker" not in str(error):
                raise
            message = "a loader process was killed, probably for want of memory"
            raise DataError(message, hint="lower `workers`, or free some memory; the same command goes on") from error
        if isinstance(each, AntifazError):
            raise each
        yield each


class UnreadableLimit:
    """Counts the distinct unreadable files of a data set and stops a run that meets more than the user allows.

    A run that goes on after a stop counts anew.

    Args:
        samples: to name them.
        limit: how many are skipped.
        name: of the data set, for the message.
    """

    def __init__(self, samples: SampleSet, limit: int, name: str) -> None:
        self.samples, self.limit, self.name = samples, limit, name
        self.found: dict[int, str] = {}

    def take(self, batch: Batch) -> dict[int, str]:
        """Count the unreadable files of a batch and return those that were not known yet.

        Raises:
            DataError: beyond the limit.
        """
        views = views_of(self.samples)
        new = {i // views: reason for i, reason in batch.problems.items() if i // views not in self.found}
        self.found.update(new)
        self.check(len(self.found))
        return new

    def check(self, count: int) -> None:
        """Stop beyond the limit. count: what all processes have found, each in its own share of the data."""
        if count > self.limit:
            listing = "\n    ".join(list(self.found.values())[:5])
            raise DataError(
                f"{count} unreadable files in the data set {self.name!r}, {self.limit} are allowed:\n    {listing}",
                hint=f"repair or remove them, or raise data.{self.name}.max_unreadable",
            )
