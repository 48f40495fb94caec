"""What a training stage is made of keeps its contracts."""

from __future__ import annotations

import attrs
import pytest

from antifaz.core.interfaces import Callback, ObjectiveSpec, OptimizerSpec, ScheduleSpec, TrainingState
from antifaz.engine.training.state import StageState
from antifaz.registry import Plugins
from antifaz.registry.specs.structuring import fields_of
from tests.support.protocols import broken_promises

CONTRACTS = {"objective": ObjectiveSpec, "optimizer": OptimizerSpec, "schedule": ScheduleSpec}


@pytest.mark.parametrize("kind", CONTRACTS)
def test_shipped_specs_keep_their_contract(plugins: Plugins, kind: str) -> None:
    specs = [component.spec for component in plugins.catalogue if component.kind.name == kind]
    assert specs
    assert {spec.__name__: broken for spec in specs if (broken := broken_promises(spec, CONTRACTS[kind]))} == {}


def test_optimizers_have_a_rate_a_decay_and_their_memory(plugins: Plugins) -> None:
    for component in plugins.catalogue:
        if component.kind.name == "optimizer":
            assert attrs.has(component.spec)
            assert {"lr", "weight_decay"} <= {field.name for field in fields_of(component.spec)}
            assert component.spec.moments in (1, 2)


def test_the_state_of_a_stage_has_what_callbacks_are_promised() -> None:
    promised = {name for name, value in vars(TrainingState).items() if isinstance(value, property)}
    assert promised == {"stage", "step", "steps", "model", "parameters", "optimizer", "figures", "captured"}
    assert promised <= set(StageState.__dataclass_fields__)


def test_a_callback_inherits_what_it_does_not_need() -> None:
    class Nothing(Callback):
        pass

    assert Nothing().after_step(None, None) is None  # type: ignore[arg-type]
