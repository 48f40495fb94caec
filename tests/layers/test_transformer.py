"""Transformer parts: equal to torch's own attention and encoder layer with the same weights, and pure stream by stream."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from antifaz.core.routing import Routing
from antifaz.layers.transformer import RoutedAttention, TransformerBlock, init_transformer, merge_heads, split_heads

JOINT = Routing.full({"a": ["a", "b"], "b": ["a", "b"]})
ALONE = Routing.full({"a": ["a"], "b": ["b"]})


@pytest.fixture
def streams() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {"a": torch.randn(2, 3, 8, dtype=torch.float64), "b": torch.randn(2, 4, 8, dtype=torch.float64)}


def joined(x: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([x["a"], x["b"]], dim=1)


def test_heads_are_split_and_merged() -> None:
    x = torch.randn(2, 3, 8)
    assert split_heads(x, 4).shape == (2, 4, 3, 2)
    assert torch.equal(split_heads(x, 4)[:, 1], x[:, :, 2:4])
    assert torch.equal(merge_heads(split_heads(x, 4)), x)


def test_joint_attention_is_torch_s_over_all_tokens(streams) -> None:
    ours = RoutedAttention(8, 2).double()
    theirs = nn.MultiheadAttention(8, 2, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = joined(streams)
    expected = theirs(x, x, x, need_weights=False)[0]
    assert torch.allclose(joined(ours(streams, streams, JOINT)), expected, atol=1e-12)


def test_a_block_is_torch_s_pre_norm_encoder_layer(streams) -> None:
    ours = TransformerBlock(8, heads=2, hidden=16, dropout=0.0, drop_path=0.0, lowering="grouped").double()
    theirs = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True).double()
    own = ours.state_dict()
    names = {"norm1": "attention_norm", "norm2": "mlp_norm", "linear1": "mlp.up", "linear2": "mlp.down"}
    state = {f"{theirs_}.{p}": own[f"{ours_}.{p}"] for theirs_, ours_ in names.items() for p in ("weight", "bias")}
    for p in ("weight", "bias"):
        state[f"self_attn.in_proj_{p}"] = torch.cat([own[f"attention.query.{p}"], own[f"attention.key_value.{p}"]])
        state[f"self_attn.out_proj.{p}"] = own[f"attention.out.{p}"]
    theirs.load_state_dict(state)
    made = ours(streams, JOINT, {"a": None, "b": None})
    assert torch.allclose(joined(made), theirs(joined(streams)), atol=1e-12)


def test_a_stream_alone_is_the_same_to_the_last_bit(streams) -> None:
    block = TransformerBlock(8, heads=2, hidden=16, dropout=0.0, drop_path=0.0, lowering="grouped").double()
    beside = block(streams, ALONE, {"a": None, "b": None})["a"]
    alone = block({"a": streams["a"]}, Routing.full({"a": ["a"]}), {"a": None})["a"]
    assert torch.equal(beside, alone)


def test_linear_maps_begin_as_in_the_public_code() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(300, 100)
    init_transformer(linear)
    bound = (6 / 400) ** 0.5
    assert linear.weight.abs().max() <= bound
    assert float(linear.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)
    assert (linear.bias == 0).all()
    norm = nn.LayerNorm(4)
    init_transformer(norm)
    assert (norm.weight == 1).all()
