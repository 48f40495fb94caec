"""Mixup: what it mixes, with what, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.classification.spec import Mixup
from antifaz.registry import SpecError

CLASSES = 3
SHAPES = {"video": Shape((2, 4)), "audio": Shape((CLASSES,)), "label": Shape((), "int64", tuple("abc"))}
LABEL = torch.tensor([0, 1, 2, 0, 1])


def mixed(batch: dict[str, Features], seed: int = 0, **options: object) -> dict[str, Features]:
    spec = Mixup(**options)
    transform = spec.build(SHAPES)
    torch.manual_seed(seed)
    result = transform(batch)
    shapes = spec.shapes(SHAPES)
    for name, entry in result.items():
        assert tuple(entry.values.shape[1:]) == shapes[name].dims
        assert entry.values.dtype == getattr(torch, shapes[name].dtype)
    return result


def a_batch() -> dict[str, Features]:
    return {
        "video": Features(torch.randn(5, 2, 4, generator=torch.Generator().manual_seed(1))),
        "audio": Features(torch.eye(CLASSES)[LABEL]),
        "label": Features(LABEL),
    }


def test_mixing_moves_mass_and_makes_none() -> None:
    batch = a_batch()
    result = mixed(batch, alpha=1.0)
    assert torch.allclose(result["video"].values.sum(dim=0), batch["video"].values.sum(dim=0), atol=1e-5)
    assert torch.allclose(result["label"].values.sum(dim=1), torch.ones(5))
    assert torch.allclose(result["label"].values.sum(dim=0), torch.tensor([2.0, 2.0, 1.0]))
    assert not torch.allclose(result["video"].values, batch["video"].values)


def test_all_entries_are_mixed_alike() -> None:
    result = mixed(a_batch(), alpha=1.0)
    assert torch.allclose(result["audio"].values, result["label"].values)


def test_the_generator_decides() -> None:
    first, again, other = (mixed(a_batch(), seed)["video"].values for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_mixed_entry_needs_both_of_its_parts() -> None:
    batch = a_batch()
    there = torch.tensor([True, True, False, True, True])
    batch["video"] = Features(torch.where(there[:, None, None], batch["video"].values, torch.nan), there)
    result = mixed(batch, alpha=1.0)["video"]
    assert result.valid is not None
    assert int((~result.valid).sum()) in (1, 2)  # the sample without, and whom it was given to
    assert not result.valid[2]
    assert not result.values[~result.valid].any()
    assert torch.isfinite(result.values).all()


def test_an_unlabelled_sample_stays_unlabelled() -> None:
    batch = a_batch()
    batch["label"] = Features(torch.tensor([0, -1, 2, 0, 1]), torch.tensor([True, False, True, True, True]))
    result = mixed(batch, probability=0.0)["label"]
    assert result.valid is batch["label"].valid
    assert not result.values[1].any()


def test_a_batch_that_is_spared_still_has_shares() -> None:
    batch = a_batch()
    result = mixed(batch, probability=0.0)
    assert torch.equal(result["video"].values, batch["video"].values)
    assert torch.equal(result["label"].values, torch.eye(CLASSES)[LABEL])


def test_kept_entries_are_left_alone() -> None:
    batch = a_batch()
    result = mixed(batch, keep=("audio",))
    assert torch.equal(result["audio"].values, batch["audio"].values)


def test_a_class_beyond_the_last_is_refused() -> None:
    with pytest.raises((IndexError, RuntimeError)):
        mixed({**a_batch(), "label": Features(torch.tensor([0, 1, 2, 3, 0]))})


def test_shares_stay_shares() -> None:
    shapes = {"tags": Shape((7,)), "video": Shape((2,))}
    assert Mixup(target="tags").shapes(shapes) == shapes


def test_the_number_of_classes_may_be_told() -> None:
    shapes = {"label": Shape((), "int64")}
    assert Mixup(classes=7).shapes(shapes)["label"] == Shape((7,))


@pytest.mark.parametrize(
    ("options", "shapes", "message", "field"),
    [
        ({"target": "lable"}, SHAPES, "no entry 'lable'", "target"),
        ({"keep": ("vidio",)}, SHAPES, "no entry 'vidio'", "keep"),
        ({"keep": ("label",)}, SHAPES, "cannot be kept", "keep"),
        ({}, {**SHAPES, "text": Shape((9,), "int64")}, "cannot be mixed: text", "keep"),
        ({}, {"label": Shape((), "int64")}, "how many classes", "classes"),
        ({"classes": 4}, SHAPES, "the data have 3", "classes"),
        ({}, {"label": Shape(())}, "takes class numbers or shares", "target"),
        ({}, {"label": Shape((2,), "int64")}, "takes class numbers or shares", "target"),
    ],
)
def test_what_cannot_be_mixed_is_refused(options: object, shapes: dict[str, Shape], message: str, field: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        Mixup(**options).shapes(shapes)
    assert caught.value.field == field
