"""ViT against torchvision and timm with their weights, and what happens to weights that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import VisionTransformer, vit_b_16

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import Experiment, PretrainedPart, Published, read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.tokens import Features
from antifaz.engine.training.initialization import initialize
from antifaz.layers.positions import resampled_positions
from antifaz.registry import Plugins, component_of

SIZE, WIDTH, CLASSES = 32, 24, 5
MODEL = """
name: small
inputs: {{image: [3, {frames}, {side}, {side}]}}
graph:
  image:   {{use: tubelets, in: batch.image, patch: [{frames}, 8, 8], width: 24}}
  token:   {{use: latents, tokens: 1, width: 24}}
  encoder: {{use: vit, in: [image, token], mask: joint, depth: 3, heads: 2, mlp_ratio: 2}}
  pooled:  {{use: mean_readout, in: {{token: encoder.token}}}}
  labels:  {{use: linear_heads, in: pooled, classes: 5}}
"""
NODES = {"image": "patches", "token": "class_token", "encoder": "encoder", "labels": "head"}


def of_torchvision() -> nn.Module:
    model = VisionTransformer(SIZE, 8, 3, 2, WIDTH, 2 * WIDTH, num_classes=CLASSES)
    nn.init.normal_(model.heads.head.weight)  # it is zero at first
    return model


def of_timm() -> nn.Module:
    return timm.models.VisionTransformer(SIZE, 8, embed_dim=WIDTH, depth=3, num_heads=2, mlp_ratio=2, num_classes=CLASSES)


FORMATS = {"torchvision_vit": of_torchvision, "timm_vit": of_timm}


def redrawn(model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.fixture
def graph_of(plugins: Plugins, tmp_path: Path):
    def make(frames: int = 1, side: int = SIZE) -> Graph:
        path = tmp_path / "model.yaml"
        path.write_text(MODEL.format(frames=frames, side=side))
        return build_graph(read(path, plugins).wiring)

    return make


def adopt(graph: Graph, format_: str, state: dict[str, Tensor], folder: Path, plugins: Plugins, nodes: Any = NODES) -> list[str]:
    """Load a foreign state dict the way an `init:` does."""
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "foreign.safetensors")
    spec = component_of(f"{{use: {format_}, file: {folder / 'foreign.safetensors'}}}", "weights", plugins.catalogue)
    return initialize(graph, {node: PretrainedPart(part=part, weights=spec) for node, part in nodes.items()}, {})


def answer(graph: Graph, images: Tensor, frames: int = 1) -> Tensor:
    batch = {"image": Features(images[:, :, None].expand(-1, -1, frames, -1, -1))}
    return graph.eval()(batch, ["labels"])["labels"].values


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_the_same_weights_give_the_same_answer(format_, dtype, bound, graph_of, plugins, tmp_path) -> None:
    theirs, ours = redrawn(FORMATS[format_]()).to(dtype), graph_of().to(dtype)
    said = adopt(ours, format_, theirs.state_dict(), tmp_path, plugins)
    images = torch.randn(3, 3, SIZE, SIZE, dtype=dtype)
    with torch.no_grad():
        assert (answer(ours, images) - theirs(images)).abs().max() < bound
    assert said[0] == f"weights of image (patches), token (class_token), encoder (encoder), labels (head) from {format_}"


def test_a_clip_that_stands_still_gives_what_the_picture_gave(graph_of, plugins, tmp_path) -> None:
    theirs, ours = redrawn(of_torchvision()).double(), graph_of(frames=4).double()
    said = adopt(ours, "torchvision_vit", theirs.state_dict(), tmp_path, plugins)
    images = torch.randn(2, 3, SIZE, SIZE, dtype=torch.float64)
    with torch.no_grad():
        assert (answer(ours, images, frames=4) - theirs(images)).abs().max() < 1e-9
    assert "adapted image.project.weight from [24, 3, 8, 8] to [24, 768]" in said


def test_positions_are_resampled_to_another_grid(graph_of, plugins, tmp_path) -> None:
    theirs, ours = redrawn(of_timm()), graph_of(side=48)
    said = adopt(ours, "timm_vit", theirs.state_dict(), tmp_path, plugins)
    assert "adapted image.positions from [4, 4, 24] to [1, 6, 6, 24]" in said
    assert ours.weights()["image.positions"].isfinite().all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_resampling_keeps_a_slope(axis: int) -> None:
    old, new = (6, 8, 10), (9, 12, 15)
    slope = torch.arange(float(old[axis])).view([-1 if i == axis else 1 for i in range(4)]).expand(*old, 2)
    found = resampled_positions(slope, new).movedim(axis, 0)
    places = (torch.arange(float(new[axis])) + 0.5) / 1.5 - 0.5  # where the middles of the new cells lie on the old axis
    for place, value in list(zip(places, found, strict=True))[3:-3]:  # at the ends the table is continued flat
        assert torch.allclose(value, place.expand_as(value), atol=0.05)  # cubic, with torch's constant


def test_an_old_grid_keeps_its_positions(graph_of, plugins, tmp_path) -> None:
    theirs, ours = redrawn(of_timm()), graph_of()
    adopt(ours, "timm_vit", theirs.state_dict(), tmp_path, plugins)
    assert torch.equal(ours.weights()["image.positions"].flatten(0, 2), theirs.state_dict()["pos_embed"][0, 1:])


def test_everything_that_does_not_fit_is_listed_by_node_and_nothing_is_loaded(graph_of, plugins, tmp_path) -> None:
    ours = graph_of()
    before = {name: value.clone() for name, value in ours.weights().items()}
    state = redrawn(of_torchvision()).state_dict()
    del state["encoder.ln.bias"]
    state["heads.head.weight"] = torch.zeros(7, WIDTH)
    with pytest.raises(WeightsError) as refused:
        adopt(ours, "torchvision_vit", state, tmp_path, plugins)
    for words in ("encoder: missing: norm.bias", "labels: map.weight is [7, 24], the graph wants [5, 24]"):
        assert words in str(refused.value)
    assert all(torch.equal(before[name], value) for name, value in ours.weights().items())


def test_names_that_the_format_does_not_know_are_listed(graph_of, plugins, tmp_path) -> None:
    state = redrawn(of_timm()).state_dict()
    state["blocks.0.ls1.gamma"] = torch.ones(WIDTH)
    with pytest.raises(WeightsError, match=r"timm_vit has names that this format does not know(.|\n)*blocks\.0\.ls1\.gamma"):
        adopt(graph_of(), "timm_vit", state, tmp_path, plugins)


def test_a_part_that_is_not_there_is_a_mistake_of_the_config(plugins, tiny_config: Path) -> None:
    from antifaz.registry import ConfigError

    init = "stages.pretrain.init={encoder: {use: timm_vit, file: x.pth, part: encodr}}"
    with pytest.raises(ConfigError, match=r"the checkpoint has no part 'encodr'\n    did you mean 'encoder'\?"):
        read(tiny_config, plugins, [init])


@pytest.mark.slow
def test_vit_b_16_equals_torchvision(plugins, tmp_path) -> None:
    theirs = vit_b_16().eval()
    nn.init.normal_(theirs.heads.head.weight, std=0.02)
    experiment: Experiment = read("models/vit-base", plugins)
    ours = build_graph(experiment.wiring)
    adopt(ours, "torchvision_vit", theirs.state_dict(), tmp_path, plugins)
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        assert (answer(ours, images) - theirs(images)).abs().max() < 1e-4
    assert isinstance(experiment.header.published, Published)
    assert experiment.header.published.parameters == sum(p.numel() for p in theirs.parameters())
