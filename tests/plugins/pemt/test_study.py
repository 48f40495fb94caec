"""docs/results/pemt-study.md and benchmarks/pemt_study.py agree."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest

from antifaz.core.experiment import read
from antifaz.registry import Plugins

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/results/pemt-study.md").read_text(encoding="utf-8")
_, *PARTS = re.split(r"^`(--rank [^`]*)`", PAGE, flags=re.M)
SECTIONS = list(zip(PARTS[::2], PARTS[1::2], strict=True))
"""The options of a section, and what stands below them."""
CELL = re.compile(r"([\d.]+) \(([\d., ]+)\)")


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pemt_study", ROOT / "benchmarks/pemt_study.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("arguments", "text"), SECTIONS, ids=["rank 11", "rank 8"])
def test_the_rows_are_the_script_s_with_the_options_that_the_page_names(study: ModuleType, arguments: str, text: str) -> None:
    options = study.chosen(shlex.split(arguments))
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    first = rows[2 : 2 + len(study.VARIANTS)]
    assert rows[0] == ["Transformers", "parameters", *study.ANSWERS]
    assert [row[:2] for row in first] == [[name, f"{study.parameters(name, options):,}"] for name in study.VARIANTS]
    for found in filter(None, (CELL.fullmatch(cell) for row in rows for cell in row)):
        figures = [float(figure) for figure in found[2].split(", ")]
        assert len(figures) == len(options.seeds)
        assert float(found[1]) == pytest.approx(sum(figures) / len(figures), abs=0.1)  # all of them are rounded


def test_without_options_it_is_the_first_table_and_the_config_itself(study: ModuleType, plugins: Plugins) -> None:
    options = study.chosen([])
    assert options == study.chosen(shlex.split(SECTIONS[0][0]))
    experiment = read("pemt-tiny", plugins)
    assert experiment.wiring.nodes["encoder"].plan.spec.rank == options.rank
    assert experiment.stages["finetune"].steps == options.steps
