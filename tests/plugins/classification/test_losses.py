"""Losses of heads against a transcription in NumPy, differentiated by complex steps. Axes: B batch, C classes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from antifaz.core.objectives import Loss, Objective, reduce
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.classification.spec import BinaryCrossEntropy, CrossEntropy, LinearHeads
from antifaz.registry import SpecError

STEP = 1e-30
CLASSES = 4
LOGITS = {"audio": Shape((CLASSES,)), "video": Shape((CLASSES,))}
NUMBERS = {"label": Shape((), "int64")}
SHARES = {"label": Shape((CLASSES,))}


def cross_entropy(logits: np.ndarray, target: np.ndarray, smoothing: float) -> complex:
    """One sample; target (C,) shares."""
    smooth = (1 - smoothing) * target + smoothing / CLASSES
    return -(smooth * (logits - np.log(np.exp(logits).sum()))).sum()


def binary_cross_entropy(logits: np.ndarray, target: np.ndarray, smoothing: float) -> complex:
    """One sample; the mean over classes."""
    smooth = (1 - smoothing) * target + smoothing / CLASSES
    chance = 1 / (1 + np.exp(-logits))
    return -(smooth * np.log(chance) + (1 - smooth) * np.log(1 - chance)).mean()


def reference(
    per_sample: Callable[[np.ndarray, np.ndarray, float], complex],
    logits: np.ndarray,
    target: np.ndarray,
    valid: np.ndarray,
    smoothing: float,
) -> tuple[float, np.ndarray]:
    """The mean over valid samples and its gradient, each exact to rounding."""
    count = max(1, valid.sum())
    value = sum(np.real(per_sample(x, t, smoothing)) for x, t, v in zip(logits, target, valid, strict=True) if v) / count
    gradient = np.zeros_like(logits)
    for b, c in np.ndindex(logits.shape):
        if valid[b]:
            shifted = logits[b].astype(complex)
            shifted[c] += STEP * 1j
            gradient[b, c] = np.imag(per_sample(shifted, target[b], smoothing)) / STEP / count
    return value, gradient


def features(values: Tensor, valid: np.ndarray) -> Features:
    return Features(values, torch.from_numpy(valid))


def run(objective: Objective, heads: dict[str, Features], target: Features) -> tuple[Tensor, Loss]:
    loss = objective(logits=heads, target={"label": target})
    return reduce({"labels": loss}, {"labels": 1.0})[0], loss


@settings(max_examples=20, deadline=None)
@given(
    presence=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
    smoothing=st.sampled_from([0.0, 0.1, 0.3]),
    form=st.sampled_from(["numbers", "shares", "binary"]),
)
def test_values_and_gradients_are_those_of_the_formula(
    presence: list[tuple[bool, bool, bool]], seed: int, smoothing: float, form: str
) -> None:
    generator = torch.Generator().manual_seed(seed)
    has = dict(zip(("audio", "video", "label"), np.array(presence).T, strict=True))
    values = {name: torch.randn(len(presence), CLASSES, generator=generator, dtype=torch.float64) for name in LOGITS}
    leaves = {name: value.requires_grad_() for name, value in values.items()}
    numbers = torch.randint(CLASSES, (len(presence),), generator=generator)
    shares = torch.rand(len(presence), CLASSES, generator=generator, dtype=torch.float64)
    if form == "numbers":
        target, goal = numbers, np.eye(CLASSES)[numbers.numpy()]
    else:
        target = shares if form == "binary" else shares / shares.sum(dim=1, keepdim=True)
        goal = target.numpy()
    spec = (BinaryCrossEntropy if form == "binary" else CrossEntropy)(label_smoothing=smoothing)
    objective = spec.build({"logits": LOGITS, "target": NUMBERS if form == "numbers" else SHARES})
    local, loss = run(objective, {name: features(leaves[name], has[name]) for name in LOGITS}, features(target, has["label"]))
    local.backward()

    expected = 0.0
    for name, leaf in leaves.items():
        valid = has[name] & has["label"]
        formula = binary_cross_entropy if form == "binary" else cross_entropy
        value, gradient = reference(formula, leaf.detach().numpy(), goal, valid, smoothing)
        expected += value
        assert loss.terms[name].count.item() == valid.sum()
        assert leaf.grad is not None
        np.testing.assert_allclose(leaf.grad.numpy(), gradient, rtol=0, atol=1e-12 * max(1.0, np.linalg.norm(gradient)))
        assert not leaf.grad[torch.from_numpy(~valid)].any()
    assert local.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("spec", [CrossEntropy(), BinaryCrossEntropy()])
def test_what_absent_samples_hold_changes_nothing(spec: CrossEntropy | BinaryCrossEntropy) -> None:
    objective = spec.build({"logits": {"audio": LOGITS["audio"]}, "target": SHARES})
    results = []
    for junk in (0.0, math.nan):
        logits, target = torch.randn(2, 3, CLASSES, generator=torch.Generator().manual_seed(1)).abs()
        logits[0], target[2] = junk, junk
        logits.requires_grad_()
        there = features(logits, np.array([False, True, True])), features(target, np.array([True, True, False]))
        local, _ = run(objective, {"audio": there[0]}, there[1])
        local.backward()
        assert logits.grad is not None
        results.append((local.detach(), logits.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_label_that_is_no_class_may_stand_where_there_is_none() -> None:
    objective = CrossEntropy().build({"logits": {"audio": LOGITS["audio"]}, "target": NUMBERS})
    logits = Features(torch.zeros(2, CLASSES))
    local, _ = run(objective, {"audio": logits}, features(torch.tensor([-1, 2]), np.array([False, True])))
    assert local.item() == pytest.approx(math.log(CLASSES))


def test_only_the_named_heads_learn() -> None:
    objective = CrossEntropy(heads=("video",)).build({"logits": LOGITS, "target": NUMBERS})
    _, loss = run(objective, {name: Features(torch.zeros(2, CLASSES)) for name in LOGITS}, Features(torch.tensor([0, 1])))
    assert set(loss.terms) == {"video"}
    assert set(loss.logs) == {"video.accuracy"}


def test_training_accuracy_counts_what_is_there() -> None:
    logits = features(torch.eye(4), np.array([True, True, True, False]))
    for target, entry in ((torch.tensor([0, 2, 2, 3]), NUMBERS), (torch.eye(4)[[0, 2, 2, 3]], SHARES)):
        objective = CrossEntropy().build({"logits": {"audio": LOGITS["audio"]}, "target": entry})
        _, loss = run(objective, {"audio": logits}, Features(target))
        assert (loss.logs["audio.accuracy"].total.item(), loss.logs["audio.accuracy"].count.item()) == (2, 3)


def test_classes_may_be_summed() -> None:
    logits, target = torch.randn(3, CLASSES), torch.rand(3, CLASSES)
    mean, total = (
        run(
            BinaryCrossEntropy(over_classes=how).build({"logits": {"audio": LOGITS["audio"]}, "target": SHARES}),
            {"audio": Features(logits)},
            Features(target),
        )[0]
        for how in ("mean", "sum")
    )
    assert total.item() == pytest.approx(CLASSES * mean.item(), rel=1e-6)


def test_autocast_does_not_reach_the_loss() -> None:
    objective = CrossEntropy().build({"logits": {"audio": LOGITS["audio"]}, "target": NUMBERS})
    logits, target = Features(torch.randn(3, CLASSES, dtype=torch.bfloat16)), Features(torch.tensor([0, 1, 2]))
    with torch.autocast("cpu", torch.bfloat16):
        local, _ = run(objective, {"audio": logits}, target)
    assert local.dtype == torch.float32
    assert torch.equal(local, run(objective, {"audio": logits}, target)[0])


def test_it_compiles_without_a_break() -> None:
    objective = CrossEntropy().build({"logits": LOGITS, "target": NUMBERS})
    target = Features(torch.tensor([0, 1, 2]), torch.tensor([True, False, True]))

    def value(logits: Tensor) -> Tensor:
        return run(objective, dict.fromkeys(LOGITS, Features(logits)), target)[0]

    logits = torch.randn(3, CLASSES)
    assert torch.compile(value, backend="eager", fullgraph=True)(logits).item() == pytest.approx(value(logits).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("spec", "logits", "target", "message", "field"),
    [
        (CrossEntropy(), LOGITS, {"label": Shape((3,))}, r"class numbers are int64 \[\], shares are float32 \[4\]", None),
        (CrossEntropy(), LOGITS, {"label": Shape(())}, r"the target is float32 \[\]", None),
        (CrossEntropy(), {"audio": Shape((4,)), "video": Shape((5,))}, NUMBERS, "vectors of one width", None),
        (CrossEntropy(), LOGITS, {**NUMBERS, "other": Shape((), "int64")}, "one entry, not 2: label, other", None),
        (CrossEntropy(), LOGITS, {"label": Shape((), "int64", tuple("abc"))}, "4 classes, the target has 3", None),
        (CrossEntropy(heads=("vidio",)), LOGITS, NUMBERS, "unknown head 'vidio'", "heads"),
        (CrossEntropy(heads=()), LOGITS, NUMBERS, "no head is named", "heads"),
        (BinaryCrossEntropy(), LOGITS, NUMBERS, "a float for each of 4 classes", None),
    ],
)
def test_what_does_not_fit_is_refused(spec: object, logits: object, target: object, message: str, field: str | None) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        spec.build({"logits": logits, "target": target})  # type: ignore[attr-defined]
    assert caught.value.field == field


def test_one_linear_map_for_each_input() -> None:
    spec = LinearHeads(classes=CLASSES)
    inputs = {"audio": Shape((6,)), "video": Shape((5,))}
    assert spec.outputs(inputs) == LOGITS
    heads = spec.build(inputs)
    audio, video = Features(torch.randn(2, 6), torch.tensor([True, False])), Features(torch.randn(2, 5))
    both, alone = heads({"audio": audio, "video": video}), heads({"video": video})
    assert both["audio"].valid is audio.valid
    assert alone.keys() == {"video"}
    assert torch.equal(alone["video"].values, both["video"].values)


def test_heads_begin_with_xavier_uniform_weights_and_no_bias() -> None:
    torch.manual_seed(0)
    width = 600
    weight, bias = LinearHeads(classes=CLASSES).build({"audio": Shape((width,))}).map.parameters()
    bound = (6 / (width + CLASSES)) ** 0.5
    assert weight.abs().max().item() <= bound
    assert abs(weight.std().item() / (bound / 3**0.5) - 1) < 0.05
    assert not bias.any()


def test_a_single_head_is_bare_and_its_weights_have_no_name() -> None:
    spec = LinearHeads(classes=CLASSES, dropout=0.5)
    assert spec.outputs({"audio": Shape((6,))}) == Shape((CLASSES,))
    head = spec.build({"audio": Shape((6,))})
    assert set(head.state_dict()) == {"map.weight", "map.bias"}
    x = Features(torch.randn(2, 6))
    assert not torch.equal(head({"fusion": x}).values, head({"fusion": x}).values)
    head.eval()
    assert torch.equal(head({"fusion": x}).values, head({"audio": x}).values)


@pytest.mark.parametrize("value", [Shape((2, 6)), Shape(())])
def test_heads_take_vectors(value: Shape) -> None:
    with pytest.raises(SpecError, match="not a feature vector") as caught:
        LinearHeads(classes=2).outputs({"audio": value})
    assert caught.value.field == "in"
