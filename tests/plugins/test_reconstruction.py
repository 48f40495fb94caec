"""Errors and PSNR against a transcription in NumPy; what is masked; a label that is hidden. Axes: B batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from antifaz.analysis.influence import randomize_parameters
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import Objective, reduce
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.layers.patches import patches_of, to_points
from antifaz.plugins.reconstruction import psnr
from antifaz.plugins.reconstruction.masking.spec import MaskedError, MaskPoints
from antifaz.plugins.reconstruction.spec import PSNR, Reconstruction
from antifaz.registry import SpecError

DIMS = (6, 3)
PAIR = {"prediction": {"it": Shape(DIMS)}, "target": {"wanted": Shape(DIMS)}}
MASK = {"mask": {"where": Shape(DIMS, "bool")}}


def reference(said: np.ndarray, wanted: np.ndarray, counts: np.ndarray, error: str) -> tuple[float, np.ndarray]:
    """The mean over the numbers that count, and its gradient."""
    difference = np.where(counts, said - wanted, 0.0)
    count = max(1, counts.sum())
    if error == "absolute":
        return np.abs(difference).sum() / count, np.sign(difference) / count
    return (difference**2).sum() / count, 2 * difference / count


def value(objective: Objective, **arguments: Features) -> Tensor:
    return reduce({"it": objective(**{name: {"it": given} for name, given in arguments.items()})}, {"it": 1.0})[0]


def drawn(seed: int, samples: int) -> tuple[Tensor, Tensor]:
    said, wanted = torch.randn(2, samples, *DIMS, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return said.requires_grad_(), wanted


def junk(values: Tensor, present: np.ndarray) -> Features:
    """What an absent sample holds is no number."""
    there = torch.from_numpy(present)
    spoilt = torch.where(there.view(-1, 1, 1), values.detach(), math.nan).requires_grad_(values.requires_grad)
    return Features(spoilt, there)


@settings(max_examples=20, deadline=None)
@given(
    presence=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
    error=st.sampled_from(["absolute", "squared", "masked"]),
)
def test_values_and_gradients_are_those_of_the_formula(presence: list[tuple[bool, bool]], seed: int, error: str) -> None:
    said, wanted = drawn(seed, len(presence))
    has_said, has_wanted = np.array(presence).T
    counts = np.broadcast_to((has_said & has_wanted)[:, None, None], said.shape)
    arguments = {"prediction": junk(said, has_said), "target": junk(wanted, has_wanted)}
    if error == "masked":
        mask = torch.rand(said.shape, generator=torch.Generator().manual_seed(seed)) < 0.4
        counts = counts & mask.numpy()
        objective: Objective = MaskedError().build(PAIR | MASK)
        arguments["mask"] = Features(mask)
    else:
        objective = Reconstruction(error=error).build(PAIR)
    loss = value(objective, **arguments)
    loss.backward()
    expected, gradient = reference(said.detach().numpy(), wanted.numpy(), counts, error)
    assert loss.item() == pytest.approx(expected, rel=1e-12, abs=1e-15)
    found = arguments["prediction"].values.grad
    assert found is not None
    np.testing.assert_allclose(found.numpy(), gradient, rtol=0, atol=1e-14)
    assert not found.numpy()[~counts].any()


def test_the_count_is_of_numbers_in_both_objectives() -> None:
    said, wanted = (Features(x.detach(), torch.tensor([True, False, True])) for x in drawn(0, 3))
    everywhere = Features(torch.ones(3, *DIMS, dtype=torch.bool))
    whole = Reconstruction().build(PAIR)(prediction={"it": said}, target={"it": wanted}).terms["error"]
    same = MaskedError().build(PAIR | MASK)(prediction={"it": said}, target={"it": wanted}, mask={"it": everywhere})
    masked = same.terms["error"]
    assert whole.count.item() == masked.count.item() == 2 * math.prod(DIMS)
    assert torch.equal(whole.total, masked.total)


def test_parts_of_a_sample_may_be_absent() -> None:
    said, wanted = drawn(1, 2)
    parts = torch.rand(2, DIMS[0], generator=torch.Generator().manual_seed(0)) < 0.5
    found = value(Reconstruction(error="absolute").build(PAIR), prediction=Features(said), target=Features(wanted, parts))
    assert found.item() == pytest.approx((said - wanted).abs()[parts].mean().item(), rel=1e-12)


def test_autocast_does_not_reach_the_loss() -> None:
    said, wanted = (Features(x.detach().bfloat16()) for x in drawn(2, 4))
    objective = Reconstruction().build(PAIR)
    with torch.autocast("cpu", torch.bfloat16):
        inside = value(objective, prediction=said, target=wanted)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, value(objective, prediction=said, target=wanted))


def ratios(said: Tensor, wanted: Tensor, present: Tensor | None = None, **options: float) -> dict[str, float]:
    metric = PSNR(**options).build(PAIR)
    return metric(prediction={"picture": Features(said, present)}, target={"wanted": Features(wanted)})


def test_psnr_is_that_of_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psnr, "SAMPLES_AT_ONCE", 2)
    said, wanted = (x.detach() for x in drawn(3, 5))
    present = torch.tensor([True, False, True, True, True])
    said[1] = math.nan
    for top in (2.0, 255.0):
        errors = ((said - wanted)[present].numpy() ** 2).mean(axis=(1, 2))
        figures = ratios(said, wanted, present, range=top)
        assert figures["picture"] == pytest.approx((10 * np.log10(top**2 / errors)).mean(), rel=1e-12)
        assert figures["picture_samples"] == 4


def test_a_perfect_sample_counts_as_100_db() -> None:
    wanted = drawn(4, 2)[1]
    said = wanted.clone()
    assert ratios(said, wanted)["picture"] == 100
    said[1] += 0.2  # 10 log10(4 / 0.04) = 20 dB
    assert ratios(said, wanted)["picture"] == pytest.approx(60)


def test_nothing_without_samples() -> None:
    said, wanted = (x.detach() for x in drawn(5, 2))
    assert ratios(said, wanted, torch.zeros(2, dtype=torch.bool)) == {}
    assert ratios(said[:0], wanted[:0]) == {}
    assert PSNR().build(PAIR)(prediction={}, target={"wanted": Features(wanted)}) == {}


@pytest.mark.parametrize(
    ("spec", "change", "message"),
    [
        (Reconstruction(), {"target": {"it": Shape((3, 6))}}, r"the shapes differ: prediction \[6, 3\], target \[3, 6\]"),
        (PSNR(), {"target": {"it": Shape((3, 6))}}, r"the shapes differ: prediction \[6, 3\], target \[3, 6\]"),
        (Reconstruction(), {"target": {"it": Shape(DIMS, "int64")}}, "`target` is int64; predictions and targets are floats"),
        (PSNR(), {"prediction": {"a": Shape(DIMS), "b": Shape(DIMS)}}, "`prediction` must be one array"),
        (MaskedError(), {"mask": {"it": Shape(DIMS)}}, "`mask` is float32; it is bool"),
        (MaskedError(), {"mask": {"it": Shape((6,), "bool")}}, r"the shapes differ: .*mask \[6\]"),
        (MaskedError(), {"prediction": {"it": Shape(DIMS, "bool")}}, "`prediction` is bool"),
    ],
)
def test_what_does_not_fit_is_refused(spec: object, change: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec.build(PAIR | MASK | change)  # type: ignore[attr-defined]


def test_masking_blanks_whole_blocks_and_keeps_the_target() -> None:
    masking = MaskPoints(blocks={"clip": (3, 2, 2)}, ratio=0.5).build({"clip": Shape((3, 4, 6))})
    torch.manual_seed(0)
    clip = torch.randn(5, 3, 4, 6) + 10
    present = torch.tensor([True, True, False, True, True])
    found = masking({"clip": Features(clip, present)})
    blocks = to_points(found["clip_mask"].values, patches_of((3, 4, 6), (3, 2, 2)))
    assert blocks.all(dim=2).sum(dim=1).tolist() == blocks.any(dim=2).sum(dim=1).tolist() == [3] * 5
    assert len({tuple(row) for row in blocks[..., 0].tolist()}) > 1
    assert torch.equal(found["clip_target"].values, clip)
    assert torch.equal(found["clip"].values, clip.masked_fill(found["clip_mask"].values, 0))
    assert all(torch.equal(entry.presence(), present) for entry in found.values())


def test_masks_that_do_not_fit() -> None:
    shapes = {"clip": Shape((3, 4, 6)), "label": Shape((), "int64")}
    for blocks, message in (
        ({"clap": (3, 2, 2)}, "there is no entry 'clap'"),
        ({"clip": (3, 3, 2)}, "4 of [3, 4, 6] cannot be cut into 3"),
        ({"clip": (3, 4, 6)}, "of 1 blocks 1 would be masked"),
        ({"label": ()}, "'label' holds int64; only floats can be blanked"),
    ):
        with pytest.raises(SpecError) as caught:
            MaskPoints(blocks=blocks).shapes(shapes)
        assert message in caught.value.message


def test_a_label_that_is_hidden_does_not_leak(plugins) -> None:
    """No bit of any answer depends on the class, whichever is given; without the mask every answer does."""
    answers = ("video_out", "audio_out", "label_out")
    for chance, hidden in ((1.0, True), (0.5, False)):
        config = read("perceiver-autoencoding", plugins, [f"graph.inputs.mask.label={chance}"])
        graph = build_graph(config.wirings["evaluate"])
        randomize_parameters(graph, 0)
        graph.eval()
        batch = fake_batch(config.wirings["evaluate"].inputs, 2)
        other = {**batch, "label": Features((batch["label"].values + 1) % 16)}
        given, exchanged = graph(batch, answers), graph(other, answers)
        assert all(torch.equal(given[output].values, exchanged[output].values) == hidden for output in answers)


def test_autoencoding_is_evaluated_without_the_label(plugins) -> None:
    assert read("perceiver-autoencoding", plugins).stages["evaluate"].present == (("audio", "video"),)
