"""What samples and batch transforms hand over is held against what they declare."""

from __future__ import annotations

import pickle
import re
from typing import Any

import attrs
import pytest
import torch
from torch import Tensor

from antifaz.core.errors import ComponentError
from antifaz.core.interfaces import Sample
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.batches import Collate
from antifaz.data.contract import (
    Origin,
    apply_transform,
    blaming,
    counts_of,
    form_fault,
    identity_of,
    load_sample,
    open_samples,
    range_fault,
    require_samples,
)
from antifaz.plugins.modality_dropout.spec import ModalityDropout
from antifaz.plugins.optimizers.sgd import SGD
from antifaz.registry import Location, component


class Words:
    """Sample i says the word i."""

    shapes = {"word": Shape((3,), "int64", vocab_size=10), "label": Shape((), "int64", ("a", "b"))}
    views = 2

    def __len__(self) -> int:
        return 20

    def load(self, index: int, seed: int) -> Any:
        if index > 15:
            raise LookupError("no such word")
        return Sample(index, {"word": torch.full((3,), index), "label": None})

    def finish(self, name: str, stored: Tensor) -> Any:
        return stored


def batch(*indices: int) -> dict[str, Features]:
    return Collate(Words())([(Words().load(i, 0), 0) for i in indices]).entries


@component("dataset", "drawn")
@attrs.frozen
class Drawn:
    """A data set whose author draws a split when it is opened."""

    def shapes(self) -> Any:
        return Words.shapes

    def build(self, training: bool) -> Any:
        samples = Words()
        samples.halves = torch.randperm(20).tolist()  # type: ignore[attr-defined]
        return samples


def test_what_is_drawn_when_a_set_is_opened_follows_from_the_seed() -> None:
    drawn = [open_samples(Origin("train", Drawn(), seed=seed), True).halves for seed in (0, 0, 1)]  # type: ignore[attr-defined]
    assert drawn[0] == drawn[1] != drawn[2]


def test_absent_entries_are_in_range_and_others_must_be() -> None:
    assert batch(3, 9)["label"].presence().tolist() == [False, False]
    with pytest.raises(ComponentError, match=re.escape("hands over the number 12 in 'word', declared are 0 to 9: 'sample 6'")):
        batch(3, 12, 13)


@pytest.mark.parametrize(
    ("values", "shape", "expected"),
    [
        ([0, 1], Shape((), "int64", ("a", "b")), None),
        ([0, -1], Shape((), "int64", ("a", "b")), (1, "the class -1 in {!r}, declared are 0 to 1")),
        ([[0, 1], [1, 2]], Shape((2,), "int64", ("a", "b")), (1, "the class 2 in {!r}, declared are 0 to 1")),
        ([0.0, 7.0], Shape((), "float32", ("a", "b")), None),
        ([0, 700], Shape((), "int64"), None),
        ([[[5]], [[3]]], Shape((1, 1), "int64", vocab_size=5), (0, "the number 5 in {!r}, declared are 0 to 4")),
    ],
)
def test_ranges(values: list[Any], shape: Shape, expected: tuple[int, str] | None) -> None:
    assert range_fault(torch.tensor(values), shape) == expected


def test_forms() -> None:
    shape = Shape((2,))
    assert form_fault(torch.zeros(4, 2), shape, 4) is None
    words, hint = form_fault(torch.zeros(4, 2, dtype=torch.float64), shape, 4) or ("", "")
    assert words == "[2] float64, declared is [2] float32"
    assert ".float()" in hint
    assert form_fault(torch.zeros(3, 2), shape, 4) == ("a batch of 3 from one of 4", "keep one row for each sample")
    assert (form_fault(torch.zeros(4, 2, dtype=torch.int64), shape, 4) or ("", ""))[1].startswith(
        "convert it with `.to(torch.float32)`"
    )


def test_names_and_counts_have_defaults() -> None:
    assert identity_of(Words(), 7) == "sample 3"
    assert counts_of(Words()) == {}


def test_a_failing_load_names_the_sample() -> None:
    with pytest.raises(ComponentError, match=r"failed loading the sample 'sample 8': LookupError: no such word \(test_contract"):
        load_sample(Words(), 16, 0, Origin())


def test_samples_must_have_the_entries_of_their_spec() -> None:
    class Spec:
        def shapes(self) -> dict[str, Shape]:
            return {"word": Shape((4,))}

    with pytest.raises(ComponentError, match=r"builds samples of other entries than its spec declares: .*'word': '\[3\] int64'"):
        require_samples(Words(), Origin("train", Spec()))


def test_a_transform_of_an_origin_is_held_against_its_spec() -> None:
    spec = ModalityDropout(probability={"word": 0.5, "sound": 0.0})
    entries = {name: Features(torch.zeros(2, 3)) for name in ("word", "sound")}
    origin = Origin("train", None, (spec,), None, (Location("a.yaml", 2, 3),))
    same, _ = apply_transform(dict, entries, dict.fromkeys(entries, Shape((3,))), origin, 0)
    assert same == entries
    with pytest.raises(
        ComponentError, match=r"^a.yaml:2:3: data.train: the batch transform 'modality_dropout' of the plugin 'modality_dropout'"
    ):
        apply_transform(lambda batch: {}, entries, dict.fromkeys(entries, Shape((3,))), origin, 0)


def test_blame_keeps_the_first_place_and_travels_between_processes() -> None:
    outer, inner = Location("a.yaml", 1, 2), Location("a.yaml", 3, 4)
    with pytest.raises(ComponentError) as caught, blaming(Words(), location=outer), blaming(SGD(lr=0.1), "at noon", location=inner):
        raise ValueError("too hot")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error).startswith("a.yaml:3:4: the optimizer 'sgd' failed at noon: ValueError: too hot")
    assert error.trace == caught.value.trace
    assert 'raise ValueError("too hot")' in error.trace
