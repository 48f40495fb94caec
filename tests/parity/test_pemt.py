"""PEMT's layers against BERT's in transformers, its networks against torchvision's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertEncoder

from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.plugins.pemt.networks.spec import VideoResNet
from antifaz.plugins.pemt.transformers.spec import PEMT

STREAMS = {"video": Stream("video", 24, (6,)), "audio": Stream("audio", 24, (5,))}
NAMES = {
    "query": "attention.self.query", "key": "attention.self.key", "value": "attention.self.value", "out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense", "down": "output.dense", "mlp_norm": "output.LayerNorm",
}  # fmt: skip


def bert() -> BertEncoder:
    config = BertConfig(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=4, intermediate_size=96, attn_implementation="eager",
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    assert (config.layer_norm_eps, config.hidden_act) == (1e-12, "gelu")
    encoder = BertEncoder(config).double().eval()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    return encoder


def test_full_rank_transformers_are_bert_on_bert() -> None:
    torch.manual_seed(0)
    theirs = {name: bert() for name in ("video", "audio", "multimodal")}
    ours = PEMT(depth=3, heads=4, sharing="none", types=False).build(STREAMS).double().eval()
    ours.load_state_dict(
        {
            f"layers.{member}.{i}.{name}.{part}": layer.get_submodule(other).get_parameter(part)
            for member, encoder in theirs.items()
            for i, layer in enumerate(encoder.layer)
            for name, other in NAMES.items()
            for part in ("weight", "bias")
        }
    )
    x = {name: torch.randn(2, stream.tokens, 24, dtype=torch.float64) for name, stream in STREAMS.items()}
    with torch.no_grad():
        found = ours({name: Tokens(values, STREAMS[name].grid) for name, values in x.items()})
        alone = {name: theirs[name](values)[0] for name, values in x.items()}
        together = theirs["multimodal"](torch.cat(list(alone.values()), dim=1))[0]
    for name, expected in {**alone, "multimodal_video": together[:, :6], "multimodal_audio": together[:, 6:]}.items():
        assert (found[name].values - expected).abs().max() < 1e-12


@pytest.mark.parametrize("blocks", [[2, 1, 1, 1], pytest.param([3, 4, 6, 3], marks=pytest.mark.slow)])
def test_one_frame_goes_through_the_video_network_as_through_torchvision_s(blocks: list[int]) -> None:
    torch.manual_seed(0)
    theirs = ResNet(Bottleneck, blocks).double()
    theirs.fc = nn.Identity()
    given = {"video": Shape((3, 1, 64, 64))}
    ours = VideoResNet(blocks=tuple(blocks)).build(given).double()
    # Both make their parts in one order: stem, blocks, and in a block the shortcut last.
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            if mine.dim() == 5:
                mine.normal_()
                mine[:, :, mine.shape[2] // 2] = other
            else:
                mine.copy_(nn.init.normal_(other, 1.0, 0.1))
        for training in (True, False):  # by the batch, and by what has been kept of it
            ours.train(training), theirs.train(training)
            picture = torch.randn(3, 3, 64, 64, dtype=torch.float64)
            found, expected = ours({"video": Features(picture[:, :, None])}).values, theirs(picture)
            assert found.shape == (3, 2048)
            assert (found - expected).abs().max() < 1e-9 * expected.abs().max()
