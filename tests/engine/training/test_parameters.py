"""Patterns of parameters: what they freeze, which rates and decays they give, and what a pattern that matches nothing is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.graph.module import build_graph
from antifaz.engine.context import Context, StoppedError
from antifaz.engine.run import run_experiment
from antifaz.engine.training.model import TrainingModel
from antifaz.engine.training.optimization import parameter_groups
from antifaz.engine.training.parameters import block_lists, layer_factors, pattern_problems, require_known_parameters
from antifaz.registry import ConfigError

Tiny = Callable[..., Experiment]
ALONE = ("stages.finetune=!delete", "stages.evaluate=!delete")


def model_of(experiment: Experiment, stage: str = "pretrain") -> TrainingModel:
    return TrainingModel(build_graph(experiment.wirings[stage], device="meta"), experiment.sinks[stage])


def groups_by_name(experiment: Experiment, stage: str) -> dict[str, tuple[float, float]]:
    """Learning rate and decay of each parameter."""
    options, model = experiment.stages[stage], model_of(experiment, stage)
    assert isinstance(options, TrainStage)
    weights = model.named_weights()
    names = {id(weight): name for name, weight in weights.items()}
    factors = layer_factors(model, options.layer_decay)
    groups = parameter_groups(weights, options.optimizer, options.lr_scale, options.weight_decay, factors)
    return {names[id(weight)]: (group["lr"], group["weight_decay"]) for group in groups for weight in group["params"]}


def beit_layer(name: str, depth: int) -> int:
    """The layer of a parameter by the rule of BEiT's and MAE's fine-tuning, for the nodes of the tiny experiment."""
    node, *rest = name.split(".")
    if node in ("video", "audio", "fusion"):
        return 0
    if node == "encoder" and rest[0] == "blocks":
        return int(rest[1]) + 1
    return depth + 1


def test_layer_wise_decay_is_the_published_rule_for_every_parameter(tiny: Tiny) -> None:
    experiment = tiny("graph.encoder.depth=3", "stages.finetune.layer_decay={encoder.blocks: 0.75}")
    factors = layer_factors(model_of(experiment, "finetune"), {"encoder.blocks": 0.75})
    assert factors == {name: pytest.approx(0.75 ** (4 - beit_layer(name, 3))) for name in factors}
    values = {
        name: factors[name] for name in ("video.project.weight", "encoder.blocks.0.mlp.up.bias", "encoder.blocks.2.mlp.up.bias")
    }
    assert values == {
        "video.project.weight": 0.31640625,
        "encoder.blocks.0.mlp.up.bias": 0.421875,
        "encoder.blocks.2.mlp.up.bias": 0.75,
    }
    assert factors["encoder.norm.weight"] == factors["labels.maps.video.weight"] == 1.0


def test_what_a_node_holds_ahead_of_its_blocks_has_the_lowest_rate_and_several_lists_multiply(tiny: Tiny) -> None:
    changes = ("graph.encoder.relative_positions=[fusion]", "graph.late={use: vit, in: encoder, mask: zorro, depth: 2, heads: 2}")
    model = model_of(tiny(*changes, "graph.pooled.in=late"))
    factors = layer_factors(model, {"encoder.blocks": 0.5, "late.blocks": 0.1})
    ahead = next(name for name in factors if name.startswith("encoder.relative_positions."))
    assert factors[ahead] == factors["audio.project.weight"] == pytest.approx(0.5**3 * 0.1**3)
    assert factors["encoder.blocks.1.mlp.up.weight"] == pytest.approx(0.5 * 0.1**3)
    assert factors["encoder.norm.weight"] == pytest.approx(0.1**3)
    assert factors["late.blocks.0.mlp.up.weight"] == pytest.approx(0.01)
    assert factors["late.norm.weight"] == 1.0


def test_rates_and_decays_by_pattern(tiny: Tiny) -> None:
    """The last pattern that matches counts; lr_scale multiplies the layer's factor; weight_decay goes before the optimizer's."""
    experiment = tiny(
        "stages.finetune.optimizer={use: adamw, lr: 0.1, weight_decay: 0.3}",
        "stages.finetune.lr_scale={encoder: 0.5, encoder.blocks.0: 0.2, '**.bias': 2.0}",
        "stages.finetune.weight_decay={labels: 0.0, '**.bias': 0.7}",
        "stages.finetune.layer_decay={encoder.blocks: 0.1}",
    )
    groups = groups_by_name(experiment, "finetune")
    expected = {
        "encoder.norm.weight": (0.05, 0.0),  # a vector
        "encoder.blocks.0.mlp.up.weight": (0.1 * 0.2 * 0.01, 0.3),
        "encoder.blocks.0.mlp.up.bias": (0.1 * 2.0 * 0.01, 0.7),
        "encoder.blocks.1.mlp.up.weight": (0.1 * 0.5 * 0.1, 0.3),
        "audio.project.weight": (0.1 * 0.001, 0.3),
        "labels.maps.audio.weight": (0.1, 0.0),
        "labels.maps.audio.bias": (0.2, 0.7),
    }
    assert {name: groups[name] for name in expected} == {name: pytest.approx(pair) for name, pair in expected.items()}


def test_frozen_blocks_keep_every_bit_while_others_train(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also under weight decay and rates by depth, and through a stop in the middle."""
    changes = (
        "stages.pretrain.freeze=[encoder.blocks.0, 'video_z.*.out.bias']",
        "stages.pretrain.layer_decay={encoder.blocks: 0.5}",
        "stages.pretrain.weight_decay={'**.bias': 0.1}",
        "stages.pretrain.lr_scale={video: 3.0}",
    )
    experiment = tiny(*changes, *ALONE)
    run_experiment(experiment, tmp_path / "whole", device="cpu", quiet=True)
    before = build_graph(experiment.wirings["pretrain"], seed=0).weights()
    after = load_file(tmp_path / "whole/stages/pretrain/weights.safetensors")
    kept = {name for name in before if torch.equal(before[name], after[name])}
    still = {name for name in before if name.startswith(("encoder.blocks.0.", "labels.", "fusion."))}
    biases = {name for name in before if name.startswith("video_z.") and name.endswith(".bias")}
    unread = {name for name in kept if name.startswith("pooled.queries.")}  # of outputs that no objective reads
    assert kept == still | biases | unread
    assert {"encoder.blocks.1.mlp.up.weight", "video.project.weight", "video_z.map.out.weight"}.isdisjoint(kept)

    with monkeypatch.context() as patch:
        patch.setattr(Context, "should_stop", lambda run, step=0: step == 3)
        with pytest.raises(StoppedError):
            run_experiment(experiment, tmp_path / "parts", device="cpu", quiet=True)
    run_experiment(experiment, tmp_path / "parts", device="cpu", quiet=True)
    parts = load_file(tmp_path / "parts/stages/pretrain/weights.safetensors")
    assert all(torch.equal(parts[name], after[name]) for name in after)


def test_what_is_frozen_as_a_whole_runs_as_in_evaluation(tiny: Tiny) -> None:
    twin = ("graph.video_z.norm=batch", "graph.video_z.hidden=8", "graph.twin={share: video_z, in: pooled.audio}")
    model = model_of(tiny(*twin))
    model.train_except(["encoder.blocks.0", "encoder.norm.*", "video_z", "**.bias", "objectives.av"])
    parts = model.named_parts()
    still = ("encoder.blocks.0", "encoder.blocks.0.mlp.drop", "encoder.norm", "video_z", "twin", "objectives.av")
    assert [name for name in still if parts[name].training] == []
    trains = ("encoder", "encoder.blocks", "encoder.blocks.1", "encoder.blocks.1.mlp.drop", "audio", "audio_z", "pooled")
    assert [name for name in trains if not parts[name].training] == []


def test_patterns_that_stand_for_nothing_are_found_before_any_training(tiny: Tiny, tmp_path: Path) -> None:
    experiment = tiny(
        "stages.finetune.freeze=[encoder.block.0, fusion, '**.normm']",
        "stages.finetune.lr_scale={encoder.blocks.2-9: 0.1}",
        "stages.finetune.weight_decay={'x*': 0.0}",
        "stages.finetune.layer_decay={encoder.bloks: 0.5, encoder.blocks: 0.5}",
    )
    with pytest.raises(ConfigError) as refused:
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    assert [problem.message for problem in refused.value.problems] == [
        "'encoder.block.0' stands for no parameter of stage 'finetune'",
        "'**.normm' stands for no parameter of stage 'finetune'",
        "'encoder.bloks' is no list of blocks of stage 'finetune'",
        "'encoder.blocks.2-9' stands for no parameter of stage 'finetune'",
        "'x*' stands for no parameter of stage 'finetune'",
    ]
    hints = [str(problem.hint) for problem in refused.value.problems]
    assert hints[0] == "did you mean 'blocks'? known parts of 'encoder': blocks, norm"
    assert hints[1].startswith("did you mean 'norm'?")
    assert hints[2].startswith("did you mean 'encoder.blocks'? known lists: ")
    assert hints[3] == "known parts of 'encoder.blocks': 0, 1"
    assert not (tmp_path / "r" / "stages").exists()
    require_known_parameters(experiment, ["pretrain", "evaluate"])  # of the other stages, nothing is wrong


def test_a_pattern_of_shared_weights_alone_freezes_nothing_and_is_refused(tiny: Tiny) -> None:
    experiment = tiny("graph.twin={share: video_z, in: pooled.audio}", "stages.pretrain.freeze=['tw*', fusion]")
    options = experiment.stages["pretrain"]
    assert isinstance(options, TrainStage)
    (problem,) = pattern_problems(experiment, "pretrain", options, model_of(experiment))
    assert problem.message == "'tw*' stands for no parameter of stage 'pretrain'"


def test_what_feeds_a_node_that_shares_the_blocks_comes_before_them_too(tiny: Tiny) -> None:
    experiment = tiny(
        "graph.copy={use: spectrogram_patches, in: batch.audio, patch: [8, 8], width: 16}",
        "graph.twin={share: encoder, in: {audio: copy}}",
    )
    factors = layer_factors(model_of(experiment), {"encoder.blocks": 0.5})
    assert {factors[name] for name in factors if name.startswith(("video.", "copy."))} == {0.125}


def test_lists_of_blocks_are_lists_of_modules(tiny: Tiny) -> None:
    model = model_of(tiny())
    assert [len(blocks) for name, blocks in block_lists(model).items() if name == "encoder.blocks"] == [2]
    stage = tiny("stages.pretrain.layer_decay={encoder.norm: 0.5}")
    options = stage.stages["pretrain"]
    assert isinstance(options, TrainStage)
    assert "no list of blocks" in pattern_problems(stage, "pretrain", options, model)[0].message
