"""The training loop: callbacks around a stage and after its steps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.errors import RunError
from antifaz.core.experiment import read
from antifaz.engine.run import run_experiment
from antifaz.registry import Plugins

SHORT = ("stages.pretrain.steps=3", "stages.finetune=!delete", "stages.evaluate=!delete")
WATCHER = """
import attrs, json
from antifaz.core.interfaces import Callback
from antifaz.registry import component, hookimpl, option

@component("callback", "watch")
@attrs.frozen(kw_only=True)
class Watch:
    \"\"\"Writes down when it is called, and with what.\"\"\"
    fails_at: int = option(default=-1, doc="the step at which it raises")

    def build(self):
        return Watching(self.fails_at)

class Watching(Callback):
    def __init__(self, fails_at):
        self.fails_at, self.seen = fails_at, []

    def before_stage(self, run, state):
        self.seen.append(["before", state.step, state.steps, len(state.parameters) > 0, state.model.training])

    def after_step(self, run, state):
        if state.step == self.fails_at:
            raise ZeroDivisionError("odd")
        self.seen.append(["step", state.step, sorted(state.figures)[0], state.optimizer.param_groups[0]["lr"]])

    def after_stage(self, run, state):
        (run.root / "seen.json").write_text(json.dumps([*self.seen, ["after", state.stage, state.step]]))

@hookimpl
def antifaz_components():
    return [Watch]
"""


@pytest.fixture
def watcher(tmp_path: Path) -> Plugins:
    (tmp_path / "watcher.py").write_text(WATCHER)
    return discover([tmp_path / "watcher.py"])


def test_callbacks_are_called_around_a_stage_and_after_its_steps(tiny_config: Path, watcher: Plugins, tmp_path: Path) -> None:
    changes = [*SHORT, "stages.pretrain.callbacks=[watch]", "stages.pretrain.schedule={use: constant, warmup: 2}"]
    run_experiment(read(tiny_config, watcher, changes), tmp_path / "r", device="cpu", quiet=True)
    assert json.loads((tmp_path / "r" / "seen.json").read_text()) == [
        ["before", 0, 3, True, True],
        ["step", 1, "av", 0.0005],
        ["step", 2, "av", 0.001],
        ["step", 3, "av", 0.001],
        ["after", "pretrain", 3],
    ]


def test_a_callback_that_fails_is_named_with_its_stage_and_step(tiny_config: Path, watcher: Plugins, tmp_path: Path) -> None:
    experiment = read(tiny_config, watcher, [*SHORT, "stages.pretrain.callbacks=[{use: watch, fails_at: 2}]"])
    with pytest.raises(RunError, match=r"the callback 'watch' failed at step 2 of stage 'pretrain': ZeroDivisionError: odd"):
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
