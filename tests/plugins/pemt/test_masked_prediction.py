"""Masked embedding prediction and its negatives against a transcription in NumPy, differentiated by complex steps.

Axes: B batch, S pieces, R = B * S, C width.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.graph.loading import fake_batch
from antifaz.core.objectives import Loss, reduce
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features
from antifaz.plugins.pemt.pretraining.masked_prediction import MaskedEmbeddingPrediction
from antifaz.plugins.pemt.pretraining.negatives import content_weights, drawn, quantile
from antifaz.plugins.pemt.pretraining.spec import MaskedPrediction
from antifaz.registry import SpecError

STEP = 1e-30
SHAPES = {"output": {"video": Shape((3, 4))}, "embedding": {"video": Shape((3, 5))}, "hidden": {"hidden": Shape((3,))}}


def gelu(z: np.ndarray) -> np.ndarray:
    """x Phi(x), continued to complex numbers that are all but real."""
    x = z.real / math.sqrt(2)
    erf = np.vectorize(math.erf)(x) + 1j * z.imag / math.sqrt(2) * 2 / math.sqrt(math.pi) * np.exp(-x * x)
    return z * (1 + erf) / 2


def transcription(
    o: np.ndarray, x: np.ndarray, hidden: np.ndarray, negatives: np.ndarray, weights: dict, temperature: float
) -> complex:
    """Mean over hidden pieces of -log(e^s+ / (e^s+ + sum e^s-)), s = FFN(o) . W x / temperature. Everything is (R, ...)."""
    inner = gelu(o @ weights["predict.0.weight"].T + weights["predict.0.bias"])
    queries = inner @ weights["predict.2.weight"].T + weights["predict.2.bias"]
    keys = x @ weights["embed.weight"].T
    total: complex = 0
    for r in np.flatnonzero(hidden):
        own = np.exp((queries[r] * keys[r]).sum() / temperature)
        others = sum(np.exp((queries[r] * keys[j]).sum() / temperature) for j in np.flatnonzero(negatives[r]))
        total = total - np.log(own / (own + others))
    return total / max(1, hidden.sum())


def chosen(x: np.ndarray, there: np.ndarray, content: str, count: int | None, interval: float, race: np.ndarray) -> np.ndarray:
    """The negatives (R, R): what is kept by distance, or all where that is nothing; the first of a race run at the weights."""
    result = np.zeros((len(x), len(x)), bool)
    for r in range(len(x)):
        candidates = [j for j in np.flatnonzero(there) if j != r]
        if not candidates:
            continue
        distance = np.array([np.linalg.norm(x[r] - x[j]) for j in candidates])
        weight = np.ones(len(candidates))
        if content != "off":
            spread = distance.max() - distance.min()
            scaled = (distance - distance.min()) / spread if spread else 0 * distance
            weight = scaled if content == "dissimilar" else 1 - scaled
            low, high = np.quantile(distance, [(1 - interval) / 2, (1 + interval) / 2])
            weight = np.where((distance >= low) & (distance <= high), weight, 0)
            weight = weight if weight.any() else np.ones(len(candidates))
        alive = [i for i in range(len(candidates)) if weight[i] > 0]
        alive.sort(key=lambda i: race[r, candidates[i]] / weight[i])
        for i in alive[:count]:
            result[r, candidates[i]] = True
    return result


def drawn_batch(batch: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    o, x = (torch.randn(batch, 3, width, generator=generator, dtype=torch.float64).requires_grad_() for width in (4, 5))
    return o, x, (torch.rand(batch, 3, generator=generator) < 0.5).double()


def objective(**options: object) -> MaskedEmbeddingPrediction:
    torch.manual_seed(4)
    return MaskedPrediction(width=6, temperature=0.7, **options).build(SHAPES).double()  # type: ignore[arg-type]


def run(module: MaskedEmbeddingPrediction, o: Tensor, x: Tensor, hidden: Tensor, valid: Tensor | None = None) -> Loss:
    torch.manual_seed(9)
    return module(output={"v": Features(o)}, embedding={"v": Features(x, valid)}, hidden={"h": Features(hidden)})


@pytest.mark.parametrize(("content", "count"), [("off", None), ("off", 4), ("similar", 4), ("dissimilar", 6), ("dissimilar", 1)])
@pytest.mark.parametrize("missing", [(), (1, 4), (0, 1, 2, 4)])  # the last leaves three pieces: two candidates each
def test_it_is_the_formula_in_values_and_gradients(content: str, count: int | None, missing: tuple[int, ...]) -> None:
    o, x, hidden = drawn_batch()
    there = torch.tensor([i not in missing for i in range(5)])
    module = objective(content=content, negatives=count, interval=0.8)
    value, _ = reduce({"it": run(module, o, x, hidden, None if not missing else there)}, {"it": 1.0})
    value.backward()

    weights = {name: p.detach().numpy() for name, p in module.named_parameters()}
    rows = [side.detach().flatten(0, 1).numpy() for side in (o, x)]
    there_r = there.repeat_interleave(3).numpy()
    torch.manual_seed(9)
    race = torch.empty(15, 15, dtype=torch.float64).exponential_().numpy()
    wanted = hidden.flatten().bool().numpy() & there_r
    negatives = chosen(rows[1], there_r, content, count, 0.8, race)

    def reference(o: np.ndarray, x: np.ndarray) -> complex:
        return transcription(o, x, wanted, negatives, weights, 0.7)

    assert value.item() == pytest.approx(reference(*rows).real, rel=1e-12)
    for side, found in enumerate((o.grad, x.grad)):
        assert found is not None
        expected = np.zeros_like(rows[side])
        for place in np.ndindex(expected.shape):
            moved = [row.astype(complex) for row in rows]
            moved[side][place] += STEP * 1j
            expected[place] = reference(*moved).imag / STEP
        assert np.abs(found.flatten(0, 1).numpy() - expected).max() < 1e-12


def test_presence_of_single_pieces_counts() -> None:
    o, x, hidden = drawn_batch(2)
    there = torch.tensor([[True, True, False], [True, True, True]])
    module = objective()
    loss = run(module, o, x, torch.ones_like(hidden), there)
    assert loss.terms["pieces"].count.item() == 5
    loss.terms["pieces"].total.backward()
    assert x.grad is not None
    assert not x.grad[0, 2].any()
    assert x.grad[0, 1].any()


def test_accuracy_counts_answers_that_beat_their_negatives() -> None:
    module = MaskedEmbeddingPrediction(3, 3, 3, content="off", negatives=None, interval=0.95, temperature=1.0)
    module.predict = torch.nn.Identity()  # type: ignore[assignment]
    with torch.no_grad():
        module.embed.weight.copy_(torch.eye(3))
    answers = torch.eye(3)[None]
    outputs = torch.eye(3)[[0, 2, 1]][None]
    logs = run(module, outputs, answers, torch.tensor([[1.0, 1.0, 0.0]])).logs
    assert (logs["accuracy"].total.item(), logs["accuracy"].count.item()) == (1, 2)


@pytest.mark.parametrize("q", [0.0, 0.025, 0.4, 1.0])
def test_quantiles_are_numpy_s(q: float) -> None:
    values = torch.rand(4, 9, dtype=torch.float64)
    among = torch.rand(4, 9) < 0.6
    among[:, :2] = True
    found = quantile(values, among, q)
    expected = [np.quantile(row[mask].numpy(), q) for row, mask in zip(values, among, strict=True)]
    assert torch.allclose(found[:, 0], torch.tensor(expected, dtype=torch.float64), rtol=1e-12)


def test_content_orders_the_weights_and_leaves_out_what_is_too_near_or_too_far() -> None:
    distance = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    candidate = torch.tensor([[False, True, True, True, True, True]])
    assert content_weights(distance, candidate, "dissimilar", 1.0).tolist() == [[0.0, 0.0, 0.25, 0.5, 0.75, 1.0]]
    assert content_weights(distance, candidate, "similar", 1.0).tolist() == [[0.0, 1.0, 0.75, 0.5, 0.25, 0.0]]
    assert content_weights(distance, candidate, "similar", 0.6).tolist() == [[0.0, 0.0, 0.75, 0.5, 0.25, 0.0]]
    assert content_weights(distance, candidate, "off", 0.6).tolist() == [[0.0, 1.0, 1.0, 1.0, 1.0, 1.0]]


@pytest.mark.parametrize("content", ["similar", "dissimilar"])
@pytest.mark.parametrize("distances", [[2.0], [2.0, 3.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0]])
def test_candidates_are_all_alike_where_content_leaves_none(content: str, distances: list[float]) -> None:
    distance = torch.tensor([[*distances, 9.0], [9.0, *distances]])
    candidate = torch.tensor([[*(True for _ in distances), False], [False] * (len(distances) + 1)])
    assert content_weights(distance, candidate, content, 0.95).tolist() == candidate.double().tolist()


@pytest.mark.parametrize("content", ["off", "similar", "dissimilar"])
@pytest.mark.parametrize("there", [1, 2, 3])
def test_a_hidden_piece_counts_where_it_has_a_negative(content: str, there: int) -> None:
    """Not as found for lack of another: its loss would be 0 and its accuracy 100 %."""
    o, x, hidden = drawn_batch(1)
    loss = run(objective(content=content, negatives=2), o, x, torch.ones_like(hidden), torch.arange(3)[None] < there)
    counted = there if there > 1 else 0
    assert loss.terms["pieces"].count.item() == loss.logs["accuracy"].count.item() == counted
    assert (loss.terms["pieces"].total.item() > 0.1) == (counted > 0)
    assert counted or loss.logs["accuracy"].total.item() == 0


@pytest.mark.parametrize("content", ["off", "similar", "dissimilar"])
def test_pieces_that_are_all_the_same_are_not_found(content: str) -> None:
    """Embeddings that have become one are no solution: the loss is that of guessing among the answer and its negatives."""
    o, x, hidden = drawn_batch(2)
    alike = torch.zeros_like(x)
    loss = run(objective(content=content, negatives=4), o, alike, torch.ones_like(hidden)).terms["pieces"]
    assert (loss.total / loss.count).item() == pytest.approx(math.log(5))


def test_draws_follow_their_weights() -> None:
    weights = torch.tensor([0.0, 1.0, 2.0, 5.0]).expand(40_000, 4)
    torch.manual_seed(0)
    shares = drawn(weights, 1).double().mean(dim=0)
    assert torch.allclose(shares, torch.tensor([0.0, 0.125, 0.25, 0.625], dtype=torch.float64), atol=0.01)
    two = drawn(weights, 2)
    assert (two.sum(dim=1) == 2).all()
    first_then_second = 0.125 * (2 / 7) + 0.25 * (1 / 6)  # the pair {1, 2}, in either order
    assert (two[:, 1] & two[:, 2]).double().mean().item() == pytest.approx(first_then_second, abs=0.01)
    assert drawn(weights[:1], 9).tolist() == [[False, True, True, True]]
    assert drawn(weights[:1], 3).tolist() == [[False, True, True, True]]


@pytest.mark.parametrize("content", ["off", "similar"])
def test_a_seed_gives_the_same_negatives(content: str) -> None:
    o, x, hidden = drawn_batch()
    module = objective(content=content, negatives=2)
    first, second = (run(module, o, x, hidden).terms["pieces"].total for _ in range(2))
    torch.manual_seed(10)
    other = module(output={"v": Features(o)}, embedding={"v": Features(x)}, hidden={"h": Features(hidden)}).terms["pieces"].total
    assert first.item() == second.item()
    assert first.item() != other.item()


def test_it_draws_on_the_meta_device() -> None:
    with torch.device("meta"):
        module = MaskedPrediction(content="similar", negatives=2).build(SHAPES)
    given = {argument: fake_batch(group, 4, "meta") for argument, group in SHAPES.items()}  # type: ignore[arg-type]
    assert module(**given).terms["pieces"].total.shape == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": {"h": Shape((4,))}}, "differ in length: output 3, embedding 3, hidden 4"),
        ({"output": {"v": Stream("v", 4, (3,))}}, r"`output` must be vectors \(pieces, width\), not \[3, 4\]"),
        ({"embedding": {"v": Shape((5,))}}, "`embedding` must be vectors"),
        ({"output": {"v": Shape((3, 4)), "w": Shape((3, 4))}}, "`output` must be one sequence, not 2: v, w"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        MaskedPrediction().build(SHAPES | change)


def test_content_without_draws_is_refused() -> None:
    with pytest.raises(SpecError, match="all are taken") as refused:
        MaskedPrediction(content="similar")
    assert refused.value.field == "negatives"


def test_an_interval_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="`interval` must be above 0 and at most 1, not 0") as refused:
        MaskedPrediction(interval=0.0)
    assert refused.value.field == "interval"
