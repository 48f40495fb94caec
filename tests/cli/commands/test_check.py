"""`antifaz check`: the report as tables and as JSON."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.cli.commands.check import grouped, memory_size, short


def test_check_as_json() -> None:
    answer = json.loads(CliRunner().invoke(app, ["check", "quickstart", "--json"]).stdout)
    assert answer["parameters"] == sum(node["parameters"] for node in answer["nodes"].values())
    assert answer["nodes"]["labels"]["outputs"]["fusion"]["shape"] == [16]
    assert answer["stages"]["pretrain"]["untrained"][:2] == ["fusion", "labels"]


def test_check_prints_a_line_for_each_stage_and_a_row_for_each_node() -> None:
    lines = CliRunner().invoke(app, ["check", "quickstart"]).stdout.splitlines()
    assert any(line.split()[1:6] == ["encoder", "│", "vit", "│", "200,064"] for line in lines if line.startswith("│")), lines
    assert "quickstart: 692,480 parameters, 49.4 MFLOPs forward for one sample" in lines
    assert [line for line in lines if line.startswith("stage finetune does not train")] == [
        "stage finetune does not train: video_z, audio_z"
    ]


@pytest.mark.parametrize(("count", "text"), [(999, "999 "), (7_424_000_000, "7.42 G"), (1_000_000, "1 M"), (2 * 10**15, "2 P")])
def test_counts_have_three_figures(count: int, text: str) -> None:
    assert short(count) == text


def test_memory_is_in_mebibytes_and_from_ten_gibibytes_on_in_those() -> None:
    assert memory_size(106 * 2**20) == "106 MiB"
    assert memory_size(9 * 2**30) == "9,216 MiB"
    assert memory_size(12 * 2**30) == "12 GiB"


def test_weights_that_differ_in_numbers_and_last_words_alone_are_one_item() -> None:
    blocks = [f"encoder.blocks.{i}.{name}" for i in range(12) for name in ("norm.weight", "norm.bias", "scale")]
    assert grouped(["fusion", *blocks, "encoder.norm.weight", "labels"]) == [
        "fusion",
        "labels",
        "encoder.blocks.0-11.norm.{weight, bias} (24)",
        "encoder.blocks.0-11.scale (12)",
        "encoder.norm.weight",
    ]


def test_an_item_says_which_of_the_blocks_it_means() -> None:
    assert grouped([f"encoder.blocks.{i}.scale" for i in (0, 1, 3)]) == ["encoder.blocks.{0-1, 3}.scale (3)"]
    assert grouped(["encoder.blocks.1.scale", "encoder.blocks.1.shift"]) == ["encoder.blocks.1.{scale, shift} (2)"]
    grid = [f"layers.{i}.blocks.{j}.scale" for i in range(2) for j in range(3)]
    assert grouped(grid) == ["layers.0-1.blocks.0-2.scale (6)"]
    assert grouped(grid[1:]) == ["layers.*.blocks.*.scale (5)"]
