"""MBT: who has met whom after which layer, and the mean of what the modalities made of the bottleneck."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from antifaz.analysis.influence import randomize_parameters, verify
from antifaz.analysis.purity import mixings
from antifaz.core.experiment import Experiment, read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.tokens import Tokens
from antifaz.registry import ConfigError, Plugins

MODEL = """
name: small
inputs: {video: [3, 4, 32, 32], audio: [16, 32]}
graph:
  video:      {use: tubelets, in: batch.video, patch: [2, 16, 16], width: 16}
  audio:      {use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}
  bottleneck: {use: latents, tokens: 2, width: 16}
  encoder:    {use: bottleneck, in: [video, audio, bottleneck], depth: 4, heads: 2, fusion_layer: 1}
"""


@pytest.fixture
def experiment(tmp_path: Path, plugins: Plugins):
    (tmp_path / "model.yaml").write_text(MODEL)

    def make(*overrides: str) -> Experiment:
        return read(tmp_path / "model.yaml", plugins, overrides)

    return make


def encoder_of(experiment: Experiment) -> torch.nn.Module:
    graph: Graph = build_graph(experiment.wiring).double().eval()
    randomize_parameters(graph, 0)
    return graph.get_submodule("encoder")


def streams(**valid: Tensor) -> dict[str, Tokens]:
    generator = torch.Generator().manual_seed(0)
    sizes = {"video": (8, (2, 2, 2)), "audio": (4, (1, 4)), "bottleneck": (2, (2,))}
    drawn = {n: torch.randn(3, size, 16, generator=generator, dtype=torch.float64) for n, (size, _) in sizes.items()}
    return {n: Tokens(drawn[n], sizes[n][1], valid=valid.get(n)) for n in sizes}


@pytest.mark.parametrize("fusion_layer", [0, 1, 2])
def test_streams_are_pure_until_the_layer_after_the_fusion_layer(experiment, fusion_layer: int) -> None:
    found = mixings(experiment(f"graph.encoder.fusion_layer={fusion_layer}"))
    # Layer fusion_layer + 1 reads a bottleneck in which nothing stands yet, the one after it what the other modality wrote.
    assert {(m.stream, m.source, m.layer, m.layers) for m in found} == {
        ("encoder.video", "audio", fusion_layer + 2, 4),
        ("encoder.audio", "video", fusion_layer + 2, 4),
    }
    assert found[0].text == f"encoder.video is influenced by audio from layer {fusion_layer + 2} of 4 on"


def test_the_model_is_what_the_routing_says(experiment) -> None:
    assert verify(experiment()).ok
    for pure in ("graph.encoder.fusion_layer=3", "graph.encoder.fusion_layer=4"):
        report = verify(experiment(pure, "pure={encoder.video: [video], encoder.audio: [audio]}"))
        assert report.ok
        assert not report.mixings


def test_the_bottleneck_is_the_mean_of_what_the_modalities_made(experiment) -> None:
    encoder = encoder_of(experiment("graph.encoder.depth=1", "graph.encoder.fusion_layer=0"))
    batch = streams()
    made = []
    for name in ("video", "audio"):
        block = encoder.encoders[name].blocks[0]
        joined = torch.cat([batch[name].values, batch["bottleneck"].values], dim=1)
        alone = block({"x": joined}, encoder.alone_routing[name].__class__.full({"x": ["x"]}), {"x": None})["x"]
        made.append(alone[:, -2:])
    expected = encoder.bottleneck_norm((made[0] + made[1]) / 2)
    assert (encoder(batch)["bottleneck"].values - expected).abs().max() < 1e-12


def test_a_sample_without_a_modality_is_as_if_it_were_not_there(experiment) -> None:
    encoder = encoder_of(experiment())
    there = torch.tensor([True, False, True])
    marked = encoder(streams(audio=there[:, None].expand(-1, 4)))
    without = encoder({name: tokens for name, tokens in streams().items() if name != "audio"})
    for name in ("video", "bottleneck"):
        assert torch.allclose(marked[name].values[1], without[name].values[1], atol=1e-12)
        assert not torch.allclose(marked[name].values[0], without[name].values[0], atol=1e-3)


def test_shared_encoders_have_one_set_of_weights(experiment) -> None:
    apart, shared = (
        sum(p.numel() for p in encoder_of(e).parameters()) for e in (experiment(), experiment("graph.encoder.shared=true"))
    )
    norm = 2 * 16
    assert apart - norm == 2 * (shared - norm)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("graph.encoder.fusion_layer=5", "there are 4 blocks, 5 cannot come before the fusion"),
        ("graph.encoder.in=[video, audio]", "here are no latent stream of video, audio"),
        ("graph.encoder.heads=3", "3 heads do not divide the width 16"),
    ],
)
def test_mistakes_are_told(experiment, override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        experiment(override)
