"""check: a line for each group of parameters of one learning rate and decay, where a stage sets any of them by pattern."""

from __future__ import annotations

from typer.testing import CliRunner

from antifaz.analysis.check.report import check
from antifaz.cli.app import app


def test_groups_are_those_of_the_optimizer(tiny) -> None:
    experiment = tiny(
        "stages.finetune.layer_decay={encoder.blocks: 0.5}",
        "stages.finetune.weight_decay={'**': 0.0, encoder: 0.25}",
        "stages.finetune.freeze=[audio, encoder.norm]",
        "stages.finetune.optimizer={use: adamw, lr: 0.4}",
    )
    reports = check(experiment, data=False).stages
    assert reports["pretrain"].groups == ()
    groups = {group.members: (group.learning_rate, group.weight_decay) for group in reports["finetune"].groups}
    assert groups == {
        ("video", "fusion"): (0.05, 0.0),
        ("encoder.blocks.0",): (0.1, 0.25),
        ("encoder.blocks.1",): (0.2, 0.25),
        ("pooled", "labels"): (0.4, 0.0),
    }
    assert "groups" in check(experiment, data=False).stages["finetune"].json()
    (fusion, *_) = (group for group in reports["finetune"].groups if "fusion" in group.members)
    assert fusion.text.startswith("learning rate 0.05, decay 0: ")
    assert fusion.text.endswith(" tensors of video, fusion")


def test_check_prints_them_and_refuses_patterns_without_parameters(tiny_config) -> None:
    change = "stages.finetune.lr_scale={encoder.blocks.1: 0.5}"
    said = CliRunner().invoke(app, ["check", str(tiny_config), change]).output.replace("\n", " ")
    assert "stage finetune, learning rate 0.0005, decay 0.05: " in said
    refused = CliRunner().invoke(app, ["check", str(tiny_config), "stages.finetune.lr_scale={encoder.blocks.7: 0.5}"])
    assert "'encoder.blocks.7' stands for no parameter of stage 'finetune'" in str(refused.exception)
