"""T5's relative positions against an independent implementation, and what they do to attention."""

from __future__ import annotations

import pytest
import torch

from antifaz.core.routing import Routing
from antifaz.layers.relative_positions import RelativePositions, bucket_of
from antifaz.layers.transformer import RoutedAttention


@pytest.mark.parametrize(("buckets", "max_distance"), [(32, 128), (32, 64), (8, 20), (16, 1000)])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_are_those_of_t5(buckets: int, max_distance: int, bidirectional: bool) -> None:
    from transformers.models.t5.modeling_t5 import T5Attention

    distance = torch.arange(-1100, 1100)
    expected = T5Attention._relative_position_bucket(distance, bidirectional, buckets, max_distance)
    assert (
        bucket_of(distance, buckets=buckets, max_distance=max_distance, bidirectional=bidirectional).tolist() == expected.tolist()
    )
    module = RelativePositions(1, buckets=buckets, max_distance=max_distance, bidirectional=bidirectional)
    with torch.no_grad():
        module.bias.copy_(torch.arange(buckets)[:, None])
    assert module(1, 1100)[0, 0, 0].tolist() == expected[1100:].tolist()
    assert module(1100, 1)[0, 0].flip(0)[:, 0].tolist() == expected[1:1101].tolist()


def test_the_bias_of_two_tokens_depends_on_their_distance_alone() -> None:
    torch.manual_seed(0)
    module = RelativePositions(2, buckets=8, max_distance=6)
    bias = module(5, 7)
    assert bias.shape == (1, 2, 5, 7)
    assert torch.equal(bias[..., :-1, :-1], bias[..., 1:, 1:])
    assert not torch.equal(bias[0, 0, 0, 1], bias[0, 0, 1, 0])


def test_buckets_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        RelativePositions(2, buckets=10)
    with pytest.raises(ValueError, match="above 8"):
        RelativePositions(2, buckets=32, max_distance=8)


def test_attention_takes_the_bias_of_an_edge() -> None:
    """A bias that all but forbids every source but one leaves that one's value."""
    torch.manual_seed(0)
    attention = RoutedAttention(4, 2)
    x = torch.randn(1, 3, 4)
    routing = Routing.full({"text": ["text"]})
    bias = torch.full((1, 2, 3, 3), -1e9)
    bias[..., 1] = 0.0
    found = attention({"text": x}, {"text": x}, routing, None, {("text", "text"): bias})["text"]
    alone = attention({"text": x}, {"text": x[:, 1:2]}, routing)["text"]
    assert torch.allclose(found, alone, atol=1e-6)
