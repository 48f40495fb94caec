"""Shipped configs are found by their bare names, whatever folders they stand in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from antifaz.configs import shipped, shipped_names

CONFIGS = Path(__file__).parents[2] / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))
FROM_BEFORE = [
    "quickstart", "quickstart-hip", "quickstart-joint", "quickstart-mbt", "quickstart-perceiver", "quickstart-swin", "supervised",
    "zorro-text", "vatt-tiny", "pemt-tiny", "hip-mae", "perceiver-autoencoding", "perceiver-mlm", "folder-template",
    "zorro-vit-base", "vatt-pretrain", "vatt-finetune-audio", "vatt-finetune-image", "vatt-finetune-video",
    "models/hip-mini", "models/vit-base", "models/swin3d-t", "models/pemt-lowrank", "models/perceiver-io++", "models/zorro-vit-b",
]  # fmt: skip


def test_no_two_configs_have_one_name() -> None:
    counts = Counter(path.stem for path in FILES)
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", FROM_BEFORE)
def test_names_from_before_the_folders_go_on_working(name: str) -> None:
    assert name in shipped_names()


def test_every_listed_name_is_found_and_every_file_is_listed() -> None:
    assert sorted(str(shipped(name)) for name in shipped_names()) == sorted(map(str, FILES))


@pytest.mark.parametrize("name", ["hip-mini", "models/hip-mini", "hip/hip-mini", "models/hip/hip-mini"])
def test_folders_may_be_left_out(name: str) -> None:
    assert shipped(name) == CONFIGS / "models/hip/hip-mini.yaml"


@pytest.mark.parametrize(
    "name", ["", "hip", "models", "recipes/hip-mini", "hip/models/hip-mini", "hip-mini/", "../hip-mini", "/hip-mini", "hip-*"]
)
def test_other_names_are_not_found(name: str) -> None:
    assert shipped(name) is None
