"""check: nodes and outputs of the graph, against known figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.analysis.check.report import check
from antifaz.analysis.cost import forward_flops
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph

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


def test_shared_nodes_with_other_options_are_told(plugins) -> None:
    report = check(read("vatt-tiny", plugins, ["graph.audio_tower.share=video_tower", "graph.audio_tower.heads=4"]), data=False)
    shared = report.shared["audio_tower"]
    assert (shared.owner, shared.options) == ("video_tower", ("heads 4, there 2",))
    assert report.json()["shared"]["audio_tower"]["owner"] == "video_tower"
