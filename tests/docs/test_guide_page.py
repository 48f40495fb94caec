"""docs/guide.md: configs on the page are read as they stand, and what it shows of stages, laid over the tiny experiment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.engine.training.validation import validation_problems
from antifaz.registry import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```yaml\n(.*?)```", re.S)
SECTION = PAGE.partition("\n## Stages\n")[2].partition("\n## ")[0]
CONFIGS = [text for text in BLOCK.findall(PAGE) if text.startswith(("name:", "extends:"))]
BLOCKS = [text for text in BLOCK.findall(SECTION) if text not in CONFIGS]


@pytest.mark.parametrize("block", BLOCKS)
def test_stages_of_the_guide_can_be_checked(block: str, tiny_config: Path, plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "guide.yaml"
    path.write_text(yaml.safe_dump({"extends": str(tiny_config), "stages": yaml.safe_load(block)}, sort_keys=False))
    report = check(read(path, plugins), data=False)
    assert set(report.stages) >= {"pretrain", "finetune"}


@pytest.mark.parametrize("text", CONFIGS, ids=lambda text: text.partition("\n")[0])
def test_configs_on_the_page_are_read(plugins: Plugins, tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert validation_problems(read(path, plugins)) == []


def test_the_page_has_configs_and_stages() -> None:
    assert CONFIGS
    assert BLOCKS
