"""check: FLOPs and memory against known figures, what is needed and unused, data that is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from antifaz.analysis.check.report import check
from antifaz.analysis.cost import counting, forward_flops, step_cost
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.layers.attention import attend
from antifaz.core.objectives import Loss, Term
from antifaz.core.routing import Edge, Routing
from antifaz.core.tokens import Features
from antifaz.data.media.writing import write_clip
from antifaz.registry import ConfigError

VIT_BASE = """
name: vit-base
inputs: {image: [3, 1, 224, 224]}
graph:
  image: {use: tubelets, in: batch.image, patch: [1, 16, 16], width: 768}
  cls: {use: latents, tokens: 1, width: 768}
  encoder: {use: vit, in: [image, cls], mask: joint, depth: 12, heads: 12}
"""
TEXTBOOK = 2 * 17.56e9
"""FLOPs of ViT-B/16 at 224 x 224 (torchvision's table: 17.56 G multiply-adds), a multiply-add as 2."""

AUDIO_ALONE = """
name: audio-alone
inputs: {audio: [64, 128]}
graph:
  audio:   {use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: 64}
  encoder: {use: vit, in: audio, mask: joint, depth: 4, heads: 2}
"""


def experiment_of(plugins, folder: Path, text: str, overrides: list[str] | None = None):
    path = folder / "config.yaml"
    path.write_text(text)
    return read(str(path), plugins, overrides or [])


def test_vit_base_has_the_textbook_flops(plugins, tmp_path: Path) -> None:
    report = check(experiment_of(plugins, tmp_path, VIT_BASE))
    assert report.nodes["encoder"].outputs["image"].dims == (196, 768)
    assert report.flops == pytest.approx(TEXTBOOK, rel=0.005)


def test_audio_alone_costs_what_a_vit_on_audio_costs(plugins, tmp_path: Path) -> None:
    quickstart = build_graph(read("quickstart", plugins).wiring, device="meta")
    batch = fake_batch({name: quickstart.wiring.inputs[name] for name in ("audio", "video")}, 1, "meta")
    asked = forward_flops(quickstart, batch, ["encoder.audio"])
    alone = check(experiment_of(plugins, tmp_path, AUDIO_ALONE))
    assert asked["video"] == 0
    assert {name: asked[name] for name in ("audio", "encoder")} == {name: node.flops for name, node in alone.nodes.items()}


@pytest.mark.parametrize("edge", [Edge.FULL, Edge.CAUSAL])
def test_attention_counts_by_its_allowed_pairs(edge: Edge) -> None:
    routing = Routing({"a": {"a": edge}, "b": {"a": Edge.FULL, "b": edge}})
    lengths = {"a": 5, "b": 7}
    q = {name: torch.empty(2, 3, n, 8, device="meta", requires_grad=True) for name, n in lengths.items()}
    pairs = int(routing.dense(lengths, lengths).sum())
    with counting() as counter:
        total = sum(x.sum() for x in attend(q, q, q, routing).values())
        forward = counter.get_total_flops()
        total.backward()
    assert forward == 4 * 2 * 3 * pairs * 8
    assert counter.get_total_flops() == 3 * forward


class OneMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(10, 20, device="meta")
        self.fixed = nn.Linear(4, 4, device="meta")

    def forward(self, batch: dict[str, Features]) -> dict[str, Loss]:
        values = self.map(batch["x"].values).exp()
        return {"loss": Loss({"": Term(values.sum(), torch.ones((), device="meta"))})}


def test_a_step_counts_forward_and_backward_and_what_autograd_keeps() -> None:
    cost = step_cost(OneMap(), {"x": Features(torch.empty(6, 10, device="meta"))}, moments=2)
    product = 2 * 6 * 10 * 20
    assert cost.flops == 2 * product  # forward, and the weight's gradient; the input has none
    assert cost.activations == 4 * (6 * 10 + 6 * 20)  # the input of the map, the result of exp
    weights = 10 * 20 + 20
    assert cost.state == 4 * (weights + 3 * weights + 20)
    assert cost.batch_size == 6


def test_what_outputs_need_and_what_nothing_uses(plugins) -> None:
    extra = "graph.idle={use: linear_heads, in: pooled.audio, classes: 3}"
    report = check(read("quickstart", plugins, [extra]), data=False)
    assert report.unused == ("idle",)
    assert report.outputs["labels.audio"].needs == ("audio",)
    assert report.outputs["labels.audio"].nodes == ("audio", "encoder", "pooled", "labels")
    assert report.outputs["labels.global"].needs == ("audio", "video")
    assert report.outputs["labels.audio"].flops < report.outputs["labels.global"].flops / 4
    assert "pooled.queries.fusion" in report.stages["pretrain"].untrained


def test_flops_are_plain_integers_that_add_up(plugins) -> None:
    answer = check(read("quickstart", plugins), data=False).json()
    assert type(answer["flops"]) is int
    assert answer["flops"] == sum(node["flops"] for node in answer["nodes"].values())
    forward = 64 * answer["outputs"]["labels.global"]["flops"]
    assert 2 * forward < answer["stages"]["finetune"]["flops"] < 3 * forward  # patches take no gradient back to the data


FOLDER = """
name: mine
data:
  train:
    use: folder
    root: {root}
    index: list.csv
    label: label
    classes: [{classes}]
    batch_size: {batch_size}
    clip: {{seconds: 1.0}}
    modalities: {{audio: {{use: log_mel, bins: 16, hop: 0.0625}}}}
graph:
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}}
  pooled: {{use: query_readout, in: audio, mask: zorro}}
  labels: {{use: linear_heads, in: pooled.audio, classes: {count}}}
stages:
  train:
    task: train
    data: train
    steps: 1
    optimizer: {{lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
"""


def folder_config(plugins, tmp_path: Path, classes: str = "low, high", batch_size: int = 2):
    root = tmp_path / "media"
    root.mkdir(exist_ok=True)
    for name in ("a.mp4", "b.mp4"):
        write_clip(root / name, None, np.zeros(16000, np.float32), fps=8, sample_rate=16000)
    (root / "list.csv").write_text("path,label\na.mp4,low\nb.mp4,low\n")
    text = FOLDER.format(root=root, classes=classes, batch_size=batch_size, count=classes.count(",") + 1)
    return experiment_of(plugins, tmp_path, text)


def test_data_that_is_there_is_counted(plugins, tmp_path: Path) -> None:
    report = check(folder_config(plugins, tmp_path))
    assert report.data["train"].counts == {"samples": 2, "found": 2, "missing": 0, "unreadable": 0}
    absent = check(read("quickstart", plugins, [f"data.{d}.root={tmp_path}/no" for d in ("paired", "test")]))
    assert absent.data["paired"].counts is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"classes": "high, higher"}, "label"), ({"batch_size": 3}, "2 samples, fewer than one batch of 3")],
)
def test_data_that_does_not_fit_is_a_located_problem(plugins, tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(folder_config(plugins, tmp_path, **change))
    assert "config.yaml:5:" in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data.paired_test.modalities.text.vocabulary=[a, b]"],
            "'pretrain' do not fit: the vocabulary has 6 ids, that of the weights",
        ),
        (["stages.retrieval.graph.text_tower.depth=3"], "'pretrain' do not fit: these weights belong to another graph"),
        (["stages.retrieval.graph.more={use: projection, in: space.video, width: 8}"], None),
    ],
)
def test_weights_of_an_earlier_stage_are_held_against_the_graph(plugins, overrides: list[str], message: str | None) -> None:
    experiment = read("vatt-tiny", plugins, overrides)
    if message is None:
        check(experiment, data=False)
        return
    with pytest.raises(ConfigError, match=message) as error:
        check(experiment, data=False)
    assert "vatt-tiny.yaml:" in str(error.value)


def test_shared_nodes_with_other_options_are_told(plugins) -> None:
    report = check(read("vatt-tiny", plugins, ["graph.audio_tower.share=video_tower", "graph.audio_tower.heads=4"]), data=False)
    shared = report.shared["audio_tower"]
    assert (shared.owner, shared.options) == ("video_tower", ("heads 4, there 2",))
    assert report.json()["shared"]["audio_tower"]["owner"] == "video_tower"
