"""NCE and MIL-NCE against a transcription of their formula in NumPy, differentiated by complex steps.

Axes: B batch, C candidates, W width.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from antifaz.core.objectives import Loss
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.contrastive.mil_nce import MultipleInstanceNCE
from antifaz.plugins.contrastive.spec import MILNCE
from antifaz.registry import SpecError

STEP = 1e-30


def mil_nce(anchor: np.ndarray, candidates: np.ndarray, there: np.ndarray, temperature: float, twice: bool) -> complex:
    """Sum over samples i with a candidate of -log(P_i / (P_i + N_i)); there: (B, C)."""

    def pair(i: int, j: int, c: int) -> complex:
        """exp(cosine / temperature) of anchor i and candidate c of sample j."""
        a, b = anchor[i], candidates[j, c]
        return np.exp((a * b).sum() / np.sqrt((a * a).sum()) / np.sqrt((b * b).sum()) / temperature)

    samples = [i for i in range(len(anchor)) if there[i].any()]
    of = {i: np.flatnonzero(there[i]) for i in samples}
    total: complex = 0
    for i in samples:
        positives = sum(pair(i, i, c) for c in of[i])
        negatives = sum(pair(i, j, c) for j in samples if j != i for c in of[j])
        negatives += sum(pair(j, i, c) for j in samples if j != i for c in of[i])
        total = total - np.log(positives / ((2 if twice else 1) * positives + negatives))
    return total


def reference_gradients(anchor: np.ndarray, candidates: np.ndarray, *rest: object) -> list[np.ndarray]:
    """A complex step has no cancellation, so it is exact to rounding."""
    gradients = []
    for side in (0, 1):
        sides = [anchor.astype(complex), candidates.astype(complex)]
        gradient = np.zeros(sides[side].shape)
        for place in np.ndindex(gradient.shape):
            moved = [values.copy() for values in sides]
            moved[side][place] += STEP * 1j
            gradient[place] = np.imag(mil_nce(*moved, *rest)) / STEP
        gradients.append(gradient)
    return gradients


def embeddings(batch: int, candidates: int, seed: int = 0, width: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    anchor = torch.randn(batch, width, generator=generator, dtype=torch.float64).requires_grad_()
    return anchor, torch.randn(batch, candidates, width, generator=generator, dtype=torch.float64).requires_grad_()


def run(objective: MultipleInstanceNCE, anchor: Tensor, candidates: Tensor, has: object = None, there: object = None) -> Loss:
    def side(values: Tensor, valid: object) -> Features:
        return Features(values, None if valid is None else torch.as_tensor(valid))

    return objective(anchor={"video": side(anchor, has)}, candidates={"text": side(candidates, there)})


@settings(max_examples=30, deadline=None)
@given(
    presence=st.integers(1, 3).flatmap(
        lambda c: st.lists(st.tuples(st.booleans(), st.lists(st.booleans(), min_size=c, max_size=c)), min_size=1, max_size=5)
    ),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.07, 2.0),
    twice=st.booleans(),
)
def test_values_and_gradients_are_those_of_the_formula(
    presence: list[tuple[bool, list[bool]]], seed: int, temperature: float, twice: bool
) -> None:
    has, there = np.array([p for p, _ in presence]), np.array([row for _, row in presence])
    anchor, candidates = embeddings(*there.shape, seed)
    term = run(MultipleInstanceNCE(temperature, positives_twice=twice), anchor, candidates, has, there).terms["samples"]
    term.total.backward()
    plain = (anchor.detach().numpy(), candidates.detach().numpy(), there & has[:, None], temperature, twice)
    expected = reference_gradients(*plain)
    assert term.count.item() == (has & there.any(axis=1)).sum()
    assert term.total.item() == pytest.approx(np.real(mil_nce(*plain)), rel=1e-12, abs=1e-12)
    for side, gradient in zip((anchor, candidates), expected, strict=True):
        assert side.grad is not None
        np.testing.assert_allclose(side.grad.numpy(), gradient, rtol=0, atol=1e-12 * max(1.0, np.linalg.norm(gradient)))
    assert candidates.grad is not None
    assert not candidates.grad[torch.from_numpy(~(there & has[:, None]))].any()


def test_one_candidate_is_nce_whether_it_has_an_axis_or_not() -> None:
    anchor, candidates = embeddings(5, 1)
    with_axis = run(MultipleInstanceNCE(0.07), anchor, candidates).terms["samples"].total
    without = run(MultipleInstanceNCE(0.07), anchor, candidates[:, 0]).terms["samples"].total
    assert torch.equal(with_axis, without)


def test_what_is_absent_changes_nothing() -> None:
    there = torch.tensor([[True, False], [False, False], [True, True], [True, True]])
    results = []
    for junk in (0.0, math.nan, math.inf):
        anchor, candidates = embeddings(4, 2)
        with torch.no_grad():
            candidates[~there] = junk
            anchor[1] = junk
        loss = run(MultipleInstanceNCE(0.1), anchor, candidates, None, there)
        loss.terms["samples"].total.backward()
        assert anchor.grad is not None
        assert candidates.grad is not None
        results.append((loss.terms["samples"].total, loss.logs["accuracy"].total, anchor.grad, candidates.grad))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_a_batch_without_any_text_is_zero_with_zero_gradient() -> None:
    anchor, candidates = embeddings(3, 2)
    loss = run(MultipleInstanceNCE(0.07), anchor, candidates, None, torch.zeros(3, 2, dtype=torch.bool))
    loss.terms["samples"].total.backward()
    assert (loss.terms["samples"].total.item(), loss.terms["samples"].count.item()) == (0, 0)
    for leaf in (anchor, candidates):
        assert leaf.grad is not None
        assert not leaf.grad.any()


def test_logs_count_the_samples_whose_own_candidate_is_nearest() -> None:
    anchor = torch.eye(3)
    candidates = torch.stack([torch.eye(3)[[0, 2]], torch.eye(3)[[1, 1]], torch.eye(3)[[0, 0]]])
    logs = run(MultipleInstanceNCE(0.5), anchor, candidates).logs
    assert (logs["accuracy"].total.item(), logs["accuracy"].count.item()) == (2, 3)


def test_it_compiles_without_a_break() -> None:
    anchor, candidates = embeddings(4, 2)

    def value(anchor: Tensor) -> Tensor:
        return run(MultipleInstanceNCE(0.1), anchor, candidates, torch.tensor([True, True, False, True])).terms["samples"].total

    assert torch.compile(value, backend="eager", fullgraph=True)(anchor).item() == pytest.approx(value(anchor).item(), rel=1e-12)


def test_candidates_may_have_an_axis_and_anchors_not() -> None:
    MILNCE().build({"anchor": {"a": Shape((8,))}, "candidates": {"b": Shape((5, 8))}})
    with pytest.raises(SpecError, match="`anchor` must be a vector per sample"):
        MILNCE().build({"anchor": {"a": Shape((5, 8))}, "candidates": {"b": Shape((8,))}})
    with pytest.raises(SpecError, match="differ in width: anchor 8, candidates 9"):
        MILNCE().build({"anchor": {"a": Shape((8,))}, "candidates": {"b": Shape((5, 9))}})
