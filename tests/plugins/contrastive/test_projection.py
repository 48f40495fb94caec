"""Projection heads and the batch norm inside them. Axes: B batch, W width."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features
from antifaz.layers.batch_norm import MaskedBatchNorm
from antifaz.plugins.contrastive.spec import Projection
from antifaz.registry import SpecError

VIDEO, AUDIO = Shape((6,)), Shape((5,))


def test_one_input_is_a_bare_value_whose_weights_have_no_name() -> None:
    spec = Projection(width=4)
    assert spec.outputs({"video": VIDEO}) == Shape((4,))
    head = spec.build({"video": VIDEO})
    x = torch.randn(3, 6)
    valid = torch.tensor([True, False, True])
    out = head({"another": Features(x, valid)})
    assert isinstance(out, Features)
    assert out.valid is valid
    assert torch.equal(out.values, nn.functional.linear(x, head.state_dict()["map.out.weight"]))
    assert set(head.state_dict()) == {"map.out.weight", "map.out.bias"}


def test_several_inputs_have_weights_of_their_own_and_may_be_absent() -> None:
    spec = Projection(width=4, hidden=7)
    assert spec.outputs({"video": VIDEO, "audio": AUDIO}) == {"video": Shape((4,)), "audio": Shape((4,))}
    head = spec.build({"video": VIDEO, "audio": AUDIO})
    video, audio = Features(torch.randn(3, 6)), Features(torch.randn(3, 5))
    both, alone = head({"video": video, "audio": audio}), head({"audio": audio})
    assert both.keys() == {"video", "audio"}
    assert alone.keys() == {"audio"}
    assert torch.equal(both["audio"].values, alone["audio"].values)
    assert both["audio"].values.shape == (3, 4)


@pytest.mark.parametrize(("norm", "inside"), [("layer", nn.LayerNorm), ("batch", MaskedBatchNorm), ("none", nn.Identity)])
def test_the_hidden_layer_is_normalised_as_asked(norm: str, inside: type[nn.Module]) -> None:
    head = Projection(width=4, hidden=7, norm=norm).build({"video": VIDEO})
    assert isinstance(head.map.hidden.norm, inside)
    assert (head.map.hidden.up.bias is None) == (norm == "batch")
    assert head({"video": Features(torch.randn(3, 6))}).values.shape == (3, 4)


@pytest.mark.parametrize(
    ("spec", "inputs", "field"),
    [
        (Projection(width=4, norm="batch"), {"video": VIDEO}, "norm"),
        (Projection(width=4), {"video": Shape((2, 6))}, "in"),
        (Projection(width=4), {"video": Stream("video", 6, (4,))}, "in"),
    ],
)
def test_what_does_not_fit_is_refused(spec: Projection, inputs: dict[str, Shape], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        spec.outputs(inputs)
    assert caught.value.field == field


def normalised(x: Tensor, valid: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, MaskedBatchNorm]:
    """Output, gradient of a weighted sum of the valid rows, and the layer."""
    norm = MaskedBatchNorm(x.shape[1]).double()
    leaf = x.clone().requires_grad_()
    out = norm(leaf, valid)
    torch.where(valid[:, None], out * weight, 0.0).sum().backward()
    assert leaf.grad is not None
    return out.detach(), leaf.grad, norm


def test_batch_norm_is_that_of_the_valid_samples_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(2, 6, 3, generator=generator, dtype=torch.float64)
    valid = torch.tensor([True, False, True, True, False, True])
    theirs = nn.BatchNorm1d(3).double()
    kept = x[valid].clone().requires_grad_()
    expected = theirs(kept)
    (expected * weight[valid]).sum().backward()
    for junk in (0.0, torch.nan):
        out, gradient, ours = normalised(torch.where(valid[:, None], x, junk), valid, weight)
        assert torch.allclose(out[valid], expected, rtol=1e-12, atol=1e-12)
        assert torch.allclose(gradient[valid], kept.grad, rtol=1e-10, atol=1e-12)
        assert not gradient[~valid].any()
        assert torch.allclose(ours.mean, theirs.running_mean, rtol=1e-12)
        assert torch.allclose(ours.variance, theirs.running_var, rtol=1e-12)
    ours.eval()
    theirs.eval()
    assert torch.allclose(ours(x, torch.ones(6, dtype=torch.bool)), theirs(x), rtol=1e-12, atol=1e-12)


def test_batch_norm_without_a_valid_sample_forgets_nothing() -> None:
    x = torch.randn(4, 3, dtype=torch.float64)
    out, gradient, norm = normalised(x, torch.zeros(4, dtype=torch.bool), torch.ones(4, 3))
    assert not out.any()
    assert not gradient.any()
    assert norm.mean.tolist() == [0, 0, 0]
    assert norm.variance.tolist() == [1, 1, 1]


def test_batch_norm_keeps_the_dtype_and_counts_in_float32() -> None:
    norm = MaskedBatchNorm(3)
    with torch.autocast("cpu", torch.bfloat16):
        out = norm(torch.randn(8, 3, dtype=torch.bfloat16), torch.ones(8, dtype=torch.bool))
    assert out.dtype == torch.bfloat16
    assert norm.mean.dtype == torch.float32
