"""What a spec says of its inputs is told where the config wires it; a plugin's own failure is told as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read, validation_of
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


METRIC = "metrics: {accuracy: {use: accuracy, in: [labels, batch.label]}}"


def validated(*overrides: str, data: str = "test") -> Experiment:
    validation = f"stages.finetune.validation={{evaluate_every: 10, data: {data}, {METRIC}}}"
    return read("quickstart", discover(), [validation, *overrides])


def test_a_validation_has_sinks_and_a_wiring_of_its_own_data() -> None:
    mixed = validated("data.few_labels.transforms=[mixup]")
    label, hidden = (mixed.wirings[name].inputs["label"] for name in (validation_of("finetune"), "finetune"))
    assert label == mixed.data["test"].dataset.shapes()["label"]
    assert hidden == mixed.data["few_labels"].training_shapes()["label"] != label
    assert list(mixed.sinks[validation_of("finetune")]) == ["accuracy"]
    assert validation_of("pretrain") not in mixed.sinks


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data=tset", "unknown data set 'tset'"),
        ("metrics.accuracy.in=[lables, batch.label]", "unknown node 'lables'"),
        ("present=[[audoi]]", "unknown modality 'audoi'"),
        ("present=[[]]", "an evaluation needs something given"),
        ("data=paired", "nothing of `target` can be made"),
        ("evaluate_every=0", "`evaluate_every` must be above 0"),
        ("evaluate_every=!delete", "the key 'evaluate_every' is missing"),
        ("metrics={a.b: {use: accuracy, in: [labels, batch.label]}}", "'a.b' cannot be a name"),
    ],
)
def test_mistakes_in_a_validation_are_located(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        validated(f"stages.finetune.validation.{override}")
    assert [problem.message.partition(" of the ")[0] for problem in caught.value.problems if message in problem.message]
    assert all(problem.location is not None for problem in caught.value.problems)
