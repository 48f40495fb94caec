"""InfoNCE against a transcription of its formula in NumPy, differentiated by complex steps. Axes: B batch, W width."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from antifaz.core.objectives import Loss
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features
from antifaz.plugins.contrastive.info_nce import SymmetricInfoNCE
from antifaz.plugins.contrastive.spec import InfoNCE
from antifaz.registry import SpecError

STEP = 1e-30


def info_nce(left: np.ndarray, right: np.ndarray, valid: np.ndarray, temperature: complex) -> complex:
    """Sum over the pairs that exist of -log softmax of the pair's own similarity, halved over both directions."""
    a, b = left[valid], right[valid]
    a = a / np.sqrt((a * a).sum(axis=1, keepdims=True))
    b = b / np.sqrt((b * b).sum(axis=1, keepdims=True))
    total: complex = 0
    for i in range(len(a)):
        own = (a[i] * b[i]).sum() / temperature
        forward = sum(np.exp((a[i] * b[j]).sum() / temperature) for j in range(len(b)))
        backward = sum(np.exp((b[i] * a[j]).sum() / temperature) for j in range(len(a)))
        total = total + (np.log(forward) - own + np.log(backward) - own) / 2
    return total


def reference_gradient(left: np.ndarray, right: np.ndarray, valid: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Of `info_nce` by both sides: a complex step has no cancellation, so it is exact to rounding."""
    gradients = []
    for side in (0, 1):
        gradient = np.zeros_like(left)
        for place in np.ndindex(left.shape):
            sides = [left.astype(complex), right.astype(complex)]
            sides[side][place] += STEP * 1j
            gradient[place] = np.imag(info_nce(*sides, valid, temperature)) / STEP
        gradients.append(gradient)
    return gradients[0], gradients[1]


def run(objective: SymmetricInfoNCE, left: Tensor, right: Tensor, left_valid: object = None, right_valid: object = None) -> Loss:
    def side(values: Tensor, valid: object) -> Features:
        return Features(values, None if valid is None else torch.as_tensor(valid))

    return objective(left={"video": side(left, left_valid)}, right={"audio": side(right, right_valid)})


def embeddings(batch: int, seed: int = 0, width: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(2, batch, width, generator=generator, dtype=torch.float64)
    return made[0].requires_grad_(), made[1].requires_grad_()


@settings(max_examples=25, deadline=None)
@given(
    presence=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
    temperature=st.floats(0.07, 2.0),
)
def test_values_and_gradients_are_those_of_the_formula(presence: list[tuple[bool, bool]], seed: int, temperature: float) -> None:
    left, right = embeddings(len(presence), seed)
    has_left, has_right = (np.array(side) for side in zip(*presence, strict=True))
    loss = run(SymmetricInfoNCE(temperature), left, right, has_left, has_right)
    term = loss.terms["pairs"]
    term.total.backward()
    valid = has_left & has_right
    plain = left.detach().numpy(), right.detach().numpy()
    assert term.count.item() == valid.sum()
    assert term.total.item() == pytest.approx(np.real(info_nce(*plain, valid, temperature)), rel=1e-12, abs=1e-12)
    for side, expected in zip((left, right), reference_gradient(*plain, valid, temperature), strict=True):
        assert side.grad is not None
        np.testing.assert_allclose(side.grad.numpy(), expected, rtol=0, atol=1e-12 * max(1.0, np.linalg.norm(expected)))
        assert not side.grad[torch.from_numpy(~valid)].any()


def test_what_absent_samples_hold_changes_nothing() -> None:
    results = []
    for junk in (0.0, math.nan, math.inf):
        left, right = embeddings(4)
        with torch.no_grad():
            left[1] = junk
            right[3] = junk
        loss = run(SymmetricInfoNCE(0.1, learned=True), left, right, [True, False, True, True], [True, True, True, False])
        loss.terms["pairs"].total.backward()
        assert left.grad is not None
        assert right.grad is not None
        results.append((loss.terms["pairs"].total, loss.logs["accuracy"].total, left.grad, right.grad))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_no_pair_at_all_is_zero_with_zero_gradient() -> None:
    left, right = embeddings(3)
    objective = SymmetricInfoNCE(0.1, learned=True)
    loss = run(objective, left, right, [True, False, True], [False, True, False])
    loss.terms["pairs"].total.backward()
    assert (loss.terms["pairs"].total.item(), loss.terms["pairs"].count.item()) == (0, 0)
    assert objective.log_scale is not None
    for leaf in (left, right, objective.log_scale):
        assert leaf.grad is not None
        assert not leaf.grad.any()


def test_the_gradient_of_a_learned_temperature_is_that_of_the_formula() -> None:
    left, right = embeddings(5)
    objective = SymmetricInfoNCE(0.3, learned=True).double()
    run(objective, left, right).terms["pairs"].total.backward()
    assert objective.log_scale is not None
    assert objective.log_scale.grad is not None
    inverse = np.exp(objective.log_scale.item() + STEP * 1j)
    shifted = info_nce(left.detach().numpy(), right.detach().numpy(), np.ones(5, bool), 1 / inverse)
    assert objective.log_scale.grad.item() == pytest.approx(np.imag(shifted) / STEP, rel=1e-11)


def test_a_learned_temperature_stops_at_its_limit_and_can_come_back() -> None:
    left, right = embeddings(4)
    objective = SymmetricInfoNCE(0.01, learned=True)
    assert objective.log_scale is not None
    with torch.no_grad():
        objective.log_scale.fill_(math.log(500))
    loss = run(objective, left, right)
    loss.terms["pairs"].total.backward()
    assert loss.logs["temperature"].total.item() == pytest.approx(0.01)
    assert objective.log_scale.grad is not None
    assert objective.log_scale.grad.item() > 0  # pairs of noise: a warmer softmax is better


def test_logs_count_the_partners_that_are_found() -> None:
    left = torch.eye(4)[[0, 1, 2, 3]]
    right = torch.eye(4)[[0, 1, 3, 2]]  # the third and the fourth are swapped
    logs = run(SymmetricInfoNCE(0.5), left, right, [True, True, True, False], None).logs
    assert (logs["accuracy"].total.item(), logs["accuracy"].count.item()) == (2, 3)
    assert (logs["temperature"].total.item(), logs["temperature"].count.item()) == (0.5, 1)


@pytest.mark.parametrize("stopped", ["left", "right"])
def test_a_stopped_side_does_not_learn_and_the_other_learns_the_same(stopped: str) -> None:
    left, right = embeddings(4)
    run(SymmetricInfoNCE(0.1), left, right).terms["pairs"].total.backward()
    free = {"left": left.grad, "right": right.grad}
    left, right = embeddings(4)
    run(SymmetricInfoNCE(0.1, stop_gradient=stopped), left, right).terms["pairs"].total.backward()
    held = {"left": left.grad, "right": right.grad}
    other = "right" if stopped == "left" else "left"
    assert held[stopped] is None
    assert held[other] is not None
    assert torch.allclose(held[other], free[other], rtol=0, atol=1e-14)


def test_autocast_does_not_reach_the_loss() -> None:
    left, right = (side.detach().to(torch.bfloat16) for side in embeddings(6))
    plain = run(SymmetricInfoNCE(0.1), left, right).terms["pairs"].total
    with torch.autocast("cpu", torch.bfloat16):
        cast = run(SymmetricInfoNCE(0.1), left, right).terms["pairs"].total
    assert cast.dtype == torch.float32
    assert torch.equal(plain, cast)


def test_it_compiles_without_a_break() -> None:
    objective = SymmetricInfoNCE(0.1, learned=True)
    left, right = embeddings(4)

    def value(left: Tensor) -> Tensor:
        return run(objective, left, right, torch.tensor([True, True, False, True])).terms["pairs"].total

    assert torch.compile(value, backend="eager", fullgraph=True)(left).item() == pytest.approx(value(left).item(), rel=1e-12)


def test_it_runs_on_the_meta_device() -> None:
    with torch.device("meta"):
        loss = run(SymmetricInfoNCE(0.1, learned=True), torch.zeros(2, 3), torch.zeros(2, 3))
    assert loss.terms["pairs"].total.shape == ()


VECTOR = Shape((8,))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ({"a": VECTOR, "b": VECTOR}, {"c": VECTOR}, "`left` must be one embedding, not 2: a, b"),
        ({"a": VECTOR}, {"c": Shape((9,))}, "differ in width: left 8, right 9"),
        ({"a": VECTOR}, {"c": Shape((2, 8))}, "`right` must be a vector per sample"),
        ({"a": VECTOR}, {"c": Stream("c", 8, (4,))}, "`right` must be a vector per sample"),
    ],
)
def test_what_cannot_be_paired_is_refused(left: dict[str, Shape], right: dict[str, Shape], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        InfoNCE().build({"left": left, "right": right})


def test_a_learned_temperature_below_its_limit_is_refused() -> None:
    groups = {"left": {"a": VECTOR}, "right": {"b": VECTOR}}
    InfoNCE(temperature=0.005).build(groups)
    with pytest.raises(SpecError, match=r"kept at 0\.01 or more") as caught:
        InfoNCE(temperature=0.005, learned=True).build(groups)
    assert caught.value.field == "temperature"
