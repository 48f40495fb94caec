"""The training model: which parameters its losses reach, and which modes its nodes are in."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from antifaz.core.graph.module import build_graph
from antifaz.core.tokens import Features
from antifaz.engine.run import run_experiment
from antifaz.engine.training.model import TrainingModel, trainable_parameters


def test_parameters_that_no_loss_reaches_are_not_trainable(tiny) -> None:
    experiment = tiny()
    model = TrainingModel(build_graph(experiment.wirings["pretrain"], device="meta"), experiment.sinks["pretrain"]).to("meta")
    shapes = experiment.data["paired"].training_shapes()
    reached = {name.partition(".")[0] for name in trainable_parameters(model, shapes)}
    assert reached == {"video", "audio", "encoder", "pooled", "video_z", "audio_z"}


def test_frozen_nodes_keep_their_weights_and_statistics(tiny, tmp_path: Path) -> None:
    frozen = ["stages.pretrain.freeze=[video_z]", "graph.twin={share: video_z, in: pooled.audio}"]
    frozen += ["graph.video_z.norm=batch", "graph.video_z.hidden=8"]
    experiment = tiny(*frozen, "stages.finetune=!delete", "stages.evaluate=!delete")
    run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    first = build_graph(experiment.wirings["pretrain"], seed=0).weights()
    trained = load_file(tmp_path / "r/stages/pretrain/weights.safetensors")
    kept = {name for name, value in first.items() if torch.equal(value, trained[name])}
    assert {name for name in first if name.startswith("video_z.")} <= kept
    assert "encoder.norm.weight" not in kept


def test_an_argument_of_several_references_gives_a_term_for_each(tiny) -> None:
    """The same values as where a whole node is named, of those streams alone."""
    entry = "stages.finetune.objectives.labels.in="
    chosen, whole = tiny(entry + "[[labels.video, labels.audio], batch.label]"), tiny()
    batch = {name: Features(torch.randn(4, *shape.dims)) for name, shape in whole.data["labelled"].training_shapes().items()}
    batch["label"] = Features(torch.arange(4))
    losses = []
    for experiment in (chosen, whole):
        model = TrainingModel(build_graph(experiment.wirings["finetune"], seed=0), experiment.sinks["finetune"]).eval()
        losses.append(model(batch)["labels"].terms)
    assert list(losses[0]) == ["video", "audio"]
    assert list(losses[1]) == ["video", "audio", "fusion", "global"]
    assert all(torch.equal(term.total, losses[1][name].total) for name, term in losses[0].items())
