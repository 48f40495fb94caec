"""What a spec says of its inputs is told where the config wires it; a plugin's own failure is told as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.registry import ConfigError

PLUGIN = '''
from typing import ClassVar
import attrs
from antifaz.registry import SpecError, component, hookimpl, option

@component("objective", "margin", arguments=("marks", "truth"))
@attrs.frozen(kw_only=True)
class Margin:
    """Refuses as it is told."""
    fault: str = option(default="none", doc="")

    def validate(self, inputs):
        if self.fault == "spec":
            raise SpecError("no margin", field="fault", hint="take another")
        if self.fault == "index":
            [][1]

    def build(self, inputs):
        raise AssertionError("reading a config builds no module")

@hookimpl
def antifaz_components():
    return [Margin]
'''


def refused(tmp_path: Path, fault: str) -> str:
    (tmp_path / "margin.py").write_text(PLUGIN)
    objective = f"stages.finetune.objectives.labels={{use: margin, fault: {fault}, in: [labels, batch.label]}}"
    with pytest.raises(ConfigError) as caught:
        read("quickstart", discover([tmp_path / "margin.py"]), [objective])
    return str(caught.value)


def test_an_objective_is_validated_and_not_built(tmp_path: Path) -> None:
    (tmp_path / "margin.py").write_text(PLUGIN)
    objective = "stages.finetune.objectives.labels={use: margin, in: [labels, batch.label]}"
    assert "labels" in read("quickstart", discover([tmp_path / "margin.py"]), [objective]).sinks["finetune"]


def test_what_an_objective_refuses_is_located(tmp_path: Path) -> None:
    assert "no margin\n    take another" in refused(tmp_path, "spec")


def test_an_objective_that_fails_is_a_problem_of_its_plugin(tmp_path: Path) -> None:
    said = refused(tmp_path, "index")
    assert "the objective 'margin' failed: IndexError: list index out of range (margin.py:" in said
    assert "mistake of its plugin" in said
