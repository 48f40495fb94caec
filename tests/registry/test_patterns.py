"""Patterns of dotted names."""

from __future__ import annotations

import pytest

from antifaz.registry.patterns import is_plain, matches


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("encoder", "encoder.blocks.0.bias", True),
        ("encoder", "encoder2.bias", False),
        ("encoder.blocks.0-5", "encoder.blocks.5.mlp.bias", True),
        ("encoder.blocks.0-5", "encoder.blocks.6.mlp.bias", False),
        ("encoder.blocks.0-5", "encoder.blocks.x.bias", False),
        ("encoder.*.bias", "encoder.norm.bias", True),
        ("encoder.*.bias", "encoder.blocks.0.bias", False),
        ("*", "anything.at.all", True),
        ("encoder.blocks.0.bias.more", "encoder.blocks.0.bias", False),
        ("**.bias", "encoder.blocks.0.bias", True),
        ("**.bias", "encoder.blocks.0.weight", False),
        ("**.norm", "encoder.norm.weight", True),
        ("en?oder", "encoder.x", True),
    ],
)
def test_a_pattern_stands_for_names_and_what_is_below(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_a_plain_part_stands_for_itself_alone() -> None:
    assert [part for part in ("encoder", "video_z", "7", "a-b", "0-5", "*", "**", "en?oder", "[ab]") if is_plain(part)] == [
        "encoder",
        "video_z",
        "7",
        "a-b",
    ]


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("encoder", "encoder", True),
        ("encoder", "encoder.blocks", False),
        ("encoder.blocks.0-5", "encoder.blocks.3", True),
        ("encoder.blocks.0-5", "encoder.blocks.3.attention", False),
        ("encoder.**.attention", "encoder.blocks.3.attention", True),
        ("encoder.**.attention", "encoder.attention", True),
        ("encoder.**.attention", "pooled.attention", False),
        ("encoder.**.attention", "encoder.blocks.3.attention.query", False),
        ("**.attention", "pooled.attention", True),
        ("**", "pooled.attention", True),
    ],
)
def test_a_pattern_may_stand_for_whole_names_alone(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name, whole=True) is expected
