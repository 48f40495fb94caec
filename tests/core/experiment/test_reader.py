"""Experiments: mistakes are found together and located; stages may have graphs of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.analysis.purity import claims
from antifaz.core.experiment.reader import read
from antifaz.registry import ConfigError

SWIN = "graph.encoder={use: swin, depths: [2, 2], heads: [2, 4]}"
JOINT = "stages.pretrain.graph.encoder.mask=joint"


def refused(plugins, overrides: list[str], source: str = "quickstart") -> str:
    with pytest.raises(ConfigError) as caught:
        read(source, plugins, overrides)
    return str(caught.value)


def test_a_stage_may_go_without_a_node(plugins) -> None:
    experiment = read("quickstart", plugins, ["stages.pretrain.graph.labels=!delete"])
    assert "labels" not in experiment.wirings["pretrain"].nodes
    assert "labels" in experiment.wiring.nodes
    assert list(experiment.graphs) == ["pretrain", "retrieval"]


def test_a_node_that_a_stage_deleted_is_unknown_there(plugins) -> None:
    message = refused(plugins, ["stages.evaluate.graph.labels=!delete"])
    assert "unknown node 'labels'" in message
    assert "quickstart.yaml:" in message


def test_a_deletion_that_finds_nothing_is_told(plugins) -> None:
    message = refused(plugins, ["stages.evaluate.graph.lables=!delete"])
    assert "no lables to delete" in message
    assert "did you mean 'labels'?" in message


def test_claims_are_held_against_the_graph_of_every_stage(plugins) -> None:
    found = claims(read("quickstart", plugins, [JOINT]))
    assert {claim.holds for claim in found if claim.stage == "pretrain"} == {False}
    assert {claim.holds for claim in found if claim.stage == "retrieval"} == {True}


def test_a_transform_that_does_not_fit_is_located(plugins) -> None:
    change = "data.paired.transforms=[{use: modality_dropout, probability: {smell: 0.5, video: 0.5}}]"
    message = refused(plugins, [change])
    assert "no modality 'smell'" in message
    assert message.startswith("command line")


def test_what_cannot_be_read_hides_what_would_follow_from_it(plugins, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\ngraph: {a: [\n")
    above = tmp_path / "above.yaml"
    above.write_text("extends: broken.yaml\n")
    for source in (broken, above):
        message = refused(plugins, [], str(source))
        assert "broken.yaml:3:1: not valid YAML" in message
        assert "missing" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{foo: 3}", "over.yaml:2:17: unknown key 'foo' of the dataset 'shapes_and_sounds'"),
        ("[1]", "over.yaml:2:16: `data_defaults` must be a mapping"),
    ],
)
def test_a_mistake_in_the_defaults_of_the_data_is_reported_alone(plugins, tmp_path: Path, text: str, message: str) -> None:
    over = tmp_path / "over.yaml"
    over.write_text(f"extends: quickstart\ndata_defaults: {text}\n")
    report = refused(plugins, [], str(over))
    assert message in report
    assert report.endswith("1 problem found.")


@pytest.mark.parametrize(("key", "meant"), [("data_default", "data_defaults"), ("extend", "extends")])
def test_keys_that_are_read_apart_are_suggested_too(plugins, tmp_path: Path, key: str, meant: str) -> None:
    path = tmp_path / "slip.yaml"
    path.write_text(f"name: x\ninputs: {{a: [4]}}\n{key}: {{}}\n")
    assert f"unknown key {key!r}\n    did you mean {meant!r}? known keys: data, data_defaults, extends, " in refused(
        plugins, [], str(path)
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["stages.evaluate.data=paired_test"], "nothing of `target` can be made: it needs label, its data have"),
        (["stages.finetune.data=paired"], "nothing of `target` can be made"),
        (["data.paired.modalities.audio=!delete"], "nothing of `right` can be made: it needs audio"),
        (["data.test.modalities.audio=!delete"], "the data set 'test' has none of audio"),
        (["stages.evaluate.present=[[]]"], "needs something given"),
        (["stages.finetune.grad_clip=-1.0"], "`grad_clip` must be above 0"),
        (["stages.finetune.ema=1.5"], "`ema` must be at least 0 and below 1"),
        (["stages.finetune.lr_scale={encoder: -1.0}"], "`lr_scale` must be at least 0"),
        (["stages.finetune.optimizer.betas=[0.9, 1.0]"], "`betas` must be at least 0 and below 1"),
        (["stages.finetune.optimizer.momentum=0.5"], "unknown key 'momentum' of the optimizer 'adamw'"),
        (["stages.finetune.optimizer={use: sgd, lr: 0.1, eps: 1.0e-6}"], "unknown key 'eps' of the optimizer 'sgd'"),
        (["stages.finetune.schedule=linear"], "quarter_cosine"),
        (["stages.finetune.optimizer.warmup=5"], "`schedule: {use: cosine, warmup: ...}` of the stage"),
        (["stages.finetune.optimizer.method=sgd"], "write `use: sgd`"),
        (["loggers=[tensorbord]"], "did you mean 'tensorboard'?"),
        (
            ["graph.kept={use: drop_token, in: [video, audio]}", SWIN, "graph.encoder.in=[kept, fusion]"],
            "are dropped in training, but windows",
        ),
        (["stages.evaluate.init=retrieval"], "stage 'retrieval' trains nothing, and leaves no weights"),
        (["data.paired.transforms=[{use: modality_dropout, probability: {audio: 0.5}}]"], "never lose its last one"),
        (["graph.encoder.drop_path=1.0"], "`drop_path` must be at least 0 and below 1"),
        (["graph.encoder.attention=flex", "graph.encoder.dropout=0.1"], "flex attention has no dropout"),
        (["graph.twin={share: video_z, in: pooled.audio}", "stages.finetune.freeze=[twin]"], "'twin' has the weights of 'video_z'"),
        (["stages.finetune.freeze=[encodr.blocks.0]"], "unknown node 'encodr'\n    did you mean 'encoder'?"),
        (["stages.finetune.weight_decay={objectives.lables: 0.0}"], "unknown objective 'lables'\n    did you mean 'labels'?"),
        (["stages.finetune.layer_decay={encodr.blocks: 0.5}"], "did you mean 'encoder'?"),
        (["stages.finetune.layer_decay={encoder.blocks: 1.5}"], "`layer_decay` must be above 0 and at most 1"),
        (["graph={a b: {use: latents, tokens: 1, width: 8}}"], "'a b' cannot be a name"),
        (["data.paired.modalities.audio.bins=100000000000"], "more than a transform"),
    ],
)
def test_what_cannot_run_is_refused_before_it_runs(plugins, overrides: list[str], message: str) -> None:
    assert message in refused(plugins, overrides)


def test_an_optimizer_as_it_was_written_before_it_was_a_component_is_told(plugins, tiny_config: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(tiny_config.read_text().replace("optimizer: {use: adamw, lr: 0.001}", "optimizer: {lr: 0.001, warmup: 2}", 1))
    line = path.read_text().splitlines().index("    optimizer: {lr: 0.001, warmup: 2}") + 1
    message = refused(plugins, [], str(path))
    assert (
        f"old.yaml:{line}:16: this optimizer does not say which one it is\n    add `use: NAME`; known names: adamw, sgd" in message
    )
    assert "; `warmup`: it is an option of the schedule: write `schedule: {use: cosine, warmup: ...}` of the stage" in message
    listed = refused(plugins, ["loggers=3"])
    assert "`loggers` must be a list (each entry a logger, by name or as a mapping with `use`), not 3" in listed


def test_a_config_that_does_not_exist_is_named_once(plugins) -> None:
    assert refused(plugins, [], "nothere").startswith("nothere: there is no such config\n")


def test_flex_attention_passes_the_check(plugins) -> None:
    from antifaz.analysis.check.report import check

    grouped, flex = (check(read("quickstart", plugins, [f"graph.encoder.attention={a}"]), data=False) for a in ("grouped", "flex"))
    assert grouped.json() == flex.json()


def test_a_mistake_in_a_stage_hides_none_of_what_its_data_have(plugins) -> None:
    assert refused(plugins, ["stages.pretrain.steps=0"], "pemt-tiny").endswith("must be above 0, not 0\n1 problem found.")


def test_a_mistake_in_the_header_hides_no_inputs(plugins, tmp_path: Path) -> None:
    (tmp_path / "nameless.yaml").write_text("inputs: {x: [4, 6]}\ngraph: {v: {use: piece_tokens, in: batch.x, width: 8}}\n")
    assert refused(plugins, [], str(tmp_path / "nameless.yaml")).count("nameless.yaml:") == 1


def test_what_could_not_be_read_is_reported_once(plugins, tmp_path: Path) -> None:
    assert refused(plugins, ["graph.nope=!delete"]).count("to delete") == 1
    (tmp_path / "alias.yaml").write_text("name: x\nextends: quickstart.yaml\nstages: {pretrain: {steps: *nowhere}}\n")
    assert refused(plugins, [], str(tmp_path / "alias.yaml")).endswith("not defined above\n1 problem found.")


def test_an_unknown_config_lists_those_beside_it(plugins) -> None:
    assert "quickstart-swin" in refused(plugins, [], "nosuch")
    assert refused(plugins, [], "nosuch").endswith("models/...\n1 problem found.")
    assert "models/vit-base" in refused(plugins, [], "models/nosuch")
    assert "quickstart" not in refused(plugins, [], "models/nosuch")


def test_a_new_stage_is_placed_among_those_of_the_extended_config(plugins, tiny_config: Path, tmp_path: Path) -> None:
    """`init` follows the order, and what a run keeps of it reads in the same order."""
    path, kept = tmp_path / "more.yaml", tmp_path / "config.yaml"
    objectives = "{av: {use: info_nce, in: [video_z, audio_z]}}"
    options = f"task: train, data: paired, steps: 1, init: pretrain, optimizer: {{use: adamw, lr: 0.1}}, objectives: {objectives}"
    path.write_text(f"extends: {tiny_config}\nstages:\n  warm: {{before: finetune, {options}}}\n")
    experiment = read(path, plugins, ["stages.finetune.init=warm"])
    assert list(experiment.stages) == ["pretrain", "warm", "finetune", "evaluate"]
    kept.write_text(experiment.document.text)
    assert list(read(kept, plugins).stages) == list(experiment.stages)
    path.write_text(path.read_text().replace("before: finetune", "before: pretrain"))
    assert "stage 'pretrain' comes after 'warm'" in refused(plugins, [], str(path))
    path.write_text(path.read_text().replace("before: pretrain", "after: pretain"))
    assert "unknown stage 'pretain'\n    did you mean 'pretrain'?" in refused(plugins, [], str(path))
