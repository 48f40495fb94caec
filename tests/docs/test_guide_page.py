"""docs/guide.md: what it shows of stages reads as it stands, laid over the tiny experiment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.registry import Plugins

PAGE = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Stages\n")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```yaml\n(.*?)```", SECTION, re.S)


@pytest.mark.parametrize("block", BLOCKS)
def test_stages_of_the_guide_can_be_checked(block: str, tiny_config: Path, plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "guide.yaml"
    path.write_text(yaml.safe_dump({"extends": str(tiny_config), "stages": yaml.safe_load(block)}, sort_keys=False))
    report = check(read(path, plugins), data=False)
    assert set(report.stages) >= {"pretrain", "finetune"}
