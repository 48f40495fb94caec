"""Leading axes: folded and unfolded alike in declared values and in tensors."""

from __future__ import annotations

import pytest
import torch

from antifaz.core.graph.batch_axes import fold, fold_tensors, folded, presence_over, unfold_tensors, unfolded
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import SpecError

TEXT = Stream("text", 8, (4,), lead=(5,))
LATENT = Stream("fusion", 8, (2,), latent=True)


def test_declared_values_lose_and_regain_their_axes() -> None:
    arriving, lead = fold({"text": TEXT, "fusion": LATENT, "label": Shape((5, 3))}, 2)
    assert lead == (5,)
    assert arriving["fusion"].dims == (5, 2, 8)
    inner = folded(arriving, 2)
    assert (inner["text"].dims, inner["fusion"].dims, inner["label"].dims) == ((4, 8), (2, 8), (3,))
    assert all(unfolded(inner[name], lead) == arriving[name] for name in arriving)


def test_one_axis_folds_nothing() -> None:
    assert fold({"text": TEXT, "label": Shape(())}, 1) == ({"text": TEXT, "label": Shape(())}, ())


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"label": Shape(())}, "an input has only 0 axes to fold"),
        ({"text": TEXT, "label": Shape((6, 3))}, r"axes of different sizes: \[\(5,\), \(6,\)\]"),
    ],
)
def test_axes_that_do_not_fit_are_refused(inputs, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        fold(inputs, 2)
    assert refused.value.field == "batch_axes"


def test_tensors_fold_and_unfold_with_their_presence() -> None:
    values = torch.arange(30.0).view(2, 5, 3)
    inner = fold_tensors(Features(values, torch.tensor([True, False])), (2, 5))
    assert torch.equal(inner.values, values.view(10, 3))
    assert inner.valid is not None
    assert inner.valid.tolist() == [True] * 5 + [False] * 5
    assert torch.equal(unfold_tensors(inner, (2, 5)).values, values)


def test_latents_are_repeated_for_every_entry() -> None:
    values = torch.randn(2, 4, 8)
    inner = fold_tensors(Tokens(values, (4,)), (2, 5))
    assert torch.equal(inner.values, values.repeat_interleave(5, dim=0))


def test_presence_is_told_over_other_axes() -> None:
    parts = torch.tensor([[True, False], [False, False]])
    assert presence_over(parts, (2,)).tolist() == [True, False]
    assert presence_over(parts, (2, 2)) is parts
    assert presence_over(torch.tensor([True, False]), (2, 3)).tolist() == [[True] * 3, [False] * 3]
