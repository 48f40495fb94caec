"""Callbacks that fail: the run stops, or goes on without them, in every process alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from antifaz.core.discovery import discover
from antifaz.core.errors import ComponentError
from antifaz.core.experiment import read
from antifaz.engine.run import run_experiment
from antifaz.registry import ConfigError, Plugins

SHORT = ("stages.pretrain.steps=4", "stages.finetune=!delete", "stages.evaluate=!delete")
COUNTER = """
import attrs, os
from antifaz.core.interfaces import Callback
from antifaz.registry import component, hookimpl, option

@component("callback", "count")
@attrs.frozen(kw_only=True)
class Count:
    \"\"\"Keeps a line of each call.\"\"\"
    fails_at: int = option(default=-1, doc="the step at which it raises")
    in_rank: str = option(default="", doc="the process in which it raises; empty for all")

    def build(self):
        return Counting(self.fails_at, self.in_rank)

class Counting(Callback):
    def __init__(self, fails_at, in_rank):
        self.fails_at, self.in_rank, self.rank = fails_at, in_rank, os.environ.get("RANK", "0")

    def after_step(self, run, state):
        with open(run.root / f"calls-{self.fails_at}-{self.rank}.txt", "a") as file:
            file.write(f"{state.step} ")
        if state.step >= self.fails_at > 0 and self.in_rank in ("", self.rank):
            raise ZeroDivisionError(f"odd in {self.rank}")

@hookimpl
def antifaz_components():
    return [Count]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "counter.py"
    path.write_text(COUNTER)
    return path


@pytest.fixture
def counter(plugin: Path) -> Plugins:
    return discover([plugin])


def warnings_of(root: Path) -> list[str]:
    return [json.loads(line)["text"] for line in (root / "warnings.jsonl").read_text().splitlines()]


def test_a_callback_that_fails_stops_the_run_unless_it_says_otherwise(tiny_config: Path, counter: Plugins, tmp_path: Path) -> None:
    for entry in ("{use: count, fails_at: 2}", "{use: count, fails_at: 2, on_error: stop}"):
        experiment = read(tiny_config, counter, [*SHORT, f"stages.pretrain.callbacks=[count, {entry}]"])
        said = "the callback 'count' failed at step 2 of stage 'pretrain': ZeroDivisionError: odd in 0"
        with pytest.raises(ComponentError, match=said) as failed:
            run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True, fresh=True)
        assert failed.value.location == experiment.document.location(("stages", "pretrain", "callbacks", 1))


def test_a_run_goes_on_without_a_callback_that_only_warns(tiny_config: Path, counter: Plugins, tmp_path: Path) -> None:
    """It is called no more, the others are, and the weights are those of a run without it."""
    callbacks = "stages.pretrain.callbacks=[{use: count, fails_at: 2, on_error: warn}, count]"
    run_experiment(read(tiny_config, counter, [*SHORT, callbacks]), tmp_path / "r", device="cpu", quiet=True)
    run_experiment(read(tiny_config, counter, SHORT), tmp_path / "plain", device="cpu", quiet=True)
    assert (tmp_path / "r/calls-2-0.txt").read_text() == "1 2 "
    assert (tmp_path / "r/calls--1-0.txt").read_text() == "1 2 3 4 "
    (warning,) = warnings_of(tmp_path / "r")
    assert warning.startswith("the callback 'count' failed at step 2 of stage 'pretrain': ZeroDivisionError: odd in 0")
    assert warning.endswith("the run goes on without it")
    one, other = (load_file(tmp_path / run / "stages/pretrain/weights.safetensors") for run in ("r", "plain"))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_a_failure_in_one_process_ends_the_callback_in_all(tiny_config: Path, plugin: Path, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python", "--"]
    antifaz = [str(Path(sys.executable).with_name("antifaz")), "run", str(tiny_config), *SHORT, "-p", str(plugin)]
    callbacks = "stages.pretrain.callbacks=[{use: count, fails_at: 2, in_rank: '1', on_error: warn}]"
    command = [*torchrun, *antifaz, callbacks, "--run", str(tmp_path / "two"), "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [(tmp_path / f"two/calls-2-{rank}.txt").read_text() for rank in (0, 1)] == ["1 2 ", "1 2 "]
    (warning,) = [text for text in warnings_of(tmp_path / "two") if "callback" in text]
    assert "ZeroDivisionError: odd in 1" in warning


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ("[cuont]", "unknown callback 'cuont'\n    did you mean 'count'?"),
        ("[{use: count, on_error: ignore}]", "`on_error` must be one of stop, warn"),
        ("[{use: count, on_eror: warn}]", "unknown key 'on_eror' of the callback 'count'\n    did you mean 'on_error'?"),
        ("[{on_error: warn}]", "this callback does not say which one it is"),
        ("[3]", "this must be a callback, by name or as a mapping with `use`, not 3"),
    ],
)
def test_entries_that_are_none_are_refused(tiny_config: Path, counter: Plugins, callbacks: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tiny_config, counter, [f"stages.pretrain.callbacks={callbacks}"])
    assert message in str(refused.value)
