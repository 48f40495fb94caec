"""Batches: the order of samples by seed and step, presence marks, and the limit of unreadable files."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.interfaces import Sample
from antifaz.core.seeds import derived_seed
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.batches import (
    Batch,
    Collate,
    TrainingOrder,
    UnreadableLimit,
    build_transforms,
    evaluation_batches,
    stage_batches,
    training_batches,
)


class Numbers:
    """Sample i is [i, i]; every third lacks its entry, the fourth cannot be read, the fifth is odd."""

    shapes = {"x": Shape((2,)), "label": Shape((), "int64")}

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def load(self, index: int, seed: int) -> Sample:
        there = None if index % 3 == 0 else torch.full((2,), float(index))
        problem, note = ("broken" if index == 4 else None), ("odd" if index == 5 else None)
        return Sample(index, {"x": None if problem else there, "label": None}, problem, note)

    def finish(self, name: str, stored: Tensor) -> Tensor:
        return stored + 1

    def identity(self, index: int) -> str:
        return str(index)

    def counts(self) -> dict[str, int]:
        return {"found": self.size, "missing": 0, "unreadable": 0}


def order(**options: int) -> list[list[int]]:
    made = TrainingOrder(
        **{"size": 10, "batch_size": 4, "steps": 5, "start": 0, "seed": 1, "rank": 0, "world": 1, "micro": 1, **options}
    )
    batches = [[index for index, _ in batch] for batch in made]
    assert len(made) == len(batches)
    return batches


def test_an_epoch_is_a_permutation_whose_rest_is_left_out() -> None:
    batches = order()
    first, second = set(batches[0] + batches[1]), set(batches[2] + batches[3])
    assert len(first) == len(second) == 8
    assert first | second <= set(range(10))
    assert batches[:2] != batches[2:4]


def test_an_order_can_be_entered_anywhere() -> None:
    assert order(start=3) == order()[3:]
    assert order(seed=2) != order()


def test_ranks_and_micro_batches_cut_a_batch() -> None:
    first, second = (order(rank=rank, world=2, micro=2) for rank in (0, 1))
    for step, whole in enumerate(order()):
        mine = slice(2 * step, 2 * step + 2)
        assert [index for batch in (*first[mine], *second[mine]) for index in batch] == whole


def test_seeds_belong_to_the_sample_and_the_epoch() -> None:
    made = TrainingOrder(4, batch_size=4, steps=2, start=0, seed=9, rank=0, world=1, micro=1)
    for epoch, batch in enumerate(made):
        assert dict(batch) == {index: derived_seed(9, epoch, index) for index in range(4)}


def test_absent_entries_are_zeros_and_marked() -> None:
    samples = Numbers(6)
    batch = Collate(samples)([(samples.load(i, 0), 0) for i in (1, 3, 4, 5)])
    assert batch.entries["x"].values.tolist() == [[2, 2], [0, 0], [0, 0], [6, 6]]
    assert batch.entries["x"].presence().tolist() == [True, False, False, True]
    assert batch.entries["label"].values.tolist() == [0, 0, 0, 0]
    assert batch.entries["label"].values.dtype is torch.int64
    assert batch.entries["label"].presence().tolist() == [False] * 4
    assert (batch.indices, batch.problems, batch.note) == ([1, 3, 4, 5], {4: "broken"}, "odd")


def test_a_batch_without_absence_has_no_marks() -> None:
    samples = Numbers(6)
    assert Collate(samples)([(samples.load(i, 0), 0) for i in (1, 2)]).entries["x"].valid is None


def test_transforms_draw_by_the_seed_of_the_batch() -> None:
    def noise(entries):
        return {**entries, "x": Features(torch.rand(2))}

    samples = Numbers(6)
    draws = [Collate(samples, [noise])([(samples.load(1, 0), seed)]).entries["x"].values.tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_batches_move_with_their_marks() -> None:
    moved = Batch({"x": Features(torch.ones(2), torch.tensor([True, False])), "y": Features(torch.ones(2))}, [0, 1]).to(
        torch.device("meta")
    )
    assert {moved.entries["x"].values.device.type, moved.entries["x"].valid.device.type} == {"meta"}
    assert moved.entries["y"].valid is None
    assert moved.indices == [0, 1]


@pytest.mark.parametrize(
    ("batch_size", "world", "words"), [(12, 1, "10 samples, fewer than one batch of 12"), (4, 3, "multiple of 3")]
)
def test_batches_that_cannot_be_are_refused(batch_size: int, world: int, words: str) -> None:
    with pytest.raises(DataError, match=words):
        training_batches(Numbers(10), batch_size=batch_size, steps=1, world=world)


def test_an_evaluation_has_every_sample_once_over_all_ranks() -> None:
    batches = [[batch.indices for batch in evaluation_batches(Numbers(7), batch_size=4, rank=rank, world=2)] for rank in (0, 1)]
    assert batches == [[[0, 2], [4, 6]], [[1, 3], [5]]]


def test_unreadable_files_beyond_the_limit_stop_the_run() -> None:
    limit = UnreadableLimit(Numbers(9), 1, "mine")
    assert limit.take(Batch({}, [4], {4: "broken"})) == {4: "broken"}
    assert limit.take(Batch({}, [4], {4: "broken"})) == {}
    with pytest.raises(DataError, match="2 unreadable files in the data set 'mine', 1 are allowed") as refused:
        limit.take(Batch({}, [7], {7: "gone"}))
    assert "gone" in str(refused.value)
    assert refused.value.hint == "repair or remove them, or raise data.mine.max_unreadable"


class Careless(Numbers):
    """Draws from global generators, and pays no attention to the seed that it is given."""

    def load(self, index: int, seed: int) -> Sample:
        drawn = [float(torch.rand(())), float(np.random.rand()), random.random()]
        return Sample(index, {"x": torch.tensor(drawn[:2]), "label": torch.tensor(int(100 * drawn[2]))})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_set_that_ignores_its_seed_is_seeded_by_the_loader(workers: int) -> None:
    """Also where a run begins later, with other draws before it and other workers."""
    whole = list(training_batches(Careless(10), batch_size=4, steps=3))
    torch.rand(7), np.random.rand(7)
    rest = list(training_batches(Careless(10), batch_size=4, steps=3, start=1, workers=workers))
    for expected, got in zip(whole[1:], rest, strict=True):
        for name in ("x", "label"):
            assert torch.equal(expected.entries[name].values, got.entries[name].values)
    assert len({float(value) for batch in whole for value in batch.entries["x"].values.flatten()}) == 24


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
