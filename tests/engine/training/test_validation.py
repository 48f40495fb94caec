"""Validation: what it measures, the weights that it chooses, when it ends a stage, and all of it after a stop at any moment."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from antifaz.core.discovery import discover
from antifaz.core.errors import DataError
from antifaz.core.experiment import Experiment, read
from antifaz.engine import checkpoints
from antifaz.engine.context import Context, StoppedError
from antifaz.engine.run import run_experiment
from antifaz.registry import ConfigError, Plugins

ANTIFAZ = str(Path(sys.executable).with_name("antifaz"))
WEIGHTS = "stages/finetune/weights.safetensors"

WOBBLE = '''
import attrs
import torch
from antifaz.registry import component, hookimpl, option

@component("metric", "wobble", arguments=("logits",))
@attrs.frozen(kw_only=True)
class Wobble:
    """A number between 0 and 1 that any change of the weights changes, up or down."""
    lower: bool = option(default=False, doc="")

    def validate(self, inputs):
        pass

    def build(self, inputs):
        return Measure(self.lower)

class Measure:
    def __init__(self, lower):
        self.lower_is_better = {"it"} if lower else set()

    def __call__(self, logits):
        torch.rand(3)
        total = sum(float(each.values.double().abs().sum()) for each in logits.values())
        return {"it": total * 1000 % 1}

@hookimpl
def antifaz_components():
    return [Wobble]
'''
METRIC = "{use: wobble, in: [labels]}"
SHORT = [
    "stages.pretrain=!delete",
    "stages.finetune.init=null",
    "stages.finetune.steps=6",
    "stages.finetune.schedule=constant",
    "data.labelled.samples=16",
    "data.paired=!delete",
    f"stages.evaluate.metrics={{accuracy: !delete , pairs: !delete , move: {METRIC}}}",
    "stages.evaluate.present=[]",
    "loggers=[]",
]
BASE = f"evaluate_every: 1, data: labelled, metrics: {{move: {METRIC}}}"
BEST = f"stages.finetune.validation={{{BASE}, best: all/move/it}}"


@pytest.fixture(scope="module")
def wobbling(tmp_path_factory: pytest.TempPathFactory) -> Plugins:
    path = tmp_path_factory.mktemp("plugin") / "wobble.py"
    path.write_text(WOBBLE)
    return discover([path])


@pytest.fixture
def short(tiny_config: Path, wobbling: Plugins) -> Callable[..., Experiment]:
    """The fine-tuning of the tiny experiment alone, and its evaluation, under overrides."""

    def make(*overrides: str) -> Experiment:
        return read(tiny_config, wobbling, [*SHORT, *overrides])

    return make


@pytest.fixture(scope="module")
def whole(tiny_config: Path, wobbling: Plugins, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped, with the best weights of six."""
    return finished(read(tiny_config, wobbling, [*SHORT, BEST]), tmp_path_factory.mktemp("whole") / "r")


def finished(experiment: Experiment, root: Path) -> Path:
    run_experiment(experiment, root, device="cpu", quiet=True)
    return root


def outcome(root: Path) -> dict[str, Any]:
    """All that a run leaves that must not depend on when it was stopped."""
    records = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        record.pop("samples_per_second", None)
    done = json.loads((root / "stages/finetune/done.json").read_text())
    weights = {name: value.tolist() for name, value in load_file(root / WEIGHTS).items()}
    return {"records": records, "done": done, "weights": weights, "results": json.loads((root / "results.json").read_text())}


def validated(root: Path) -> dict[int, float]:
    """The figure of each evaluation by its step; there is one for each."""
    records = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    figures = [(r["step"], r["validation/all/move/it"]) for r in records if "validation/all/move/it" in r]
    assert len(dict(figures)) == len(figures)
    return dict(figures)


def test_training_goes_on_as_if_nothing_were_measured(short, tmp_path: Path) -> None:
    frozen = "stages.finetune.freeze=[encoder]"  # its dropout is off
    plain = finished(short(frozen), tmp_path / "plain")
    validation = f"stages.finetune.validation={{{BASE.replace('every: 1', 'every: 4')}}}"
    measured = finished(short(frozen, validation, "data.labelled.workers=1"), tmp_path / "measured")
    assert list(validated(measured)) == [4, 6]
    assert (plain / WEIGHTS).read_bytes() == (measured / WEIGHTS).read_bytes()
    # The moving average is what was measured, as an evaluation of the stage's weights says.
    assert validated(measured)[6] == json.loads((measured / "results.json").read_text())["evaluate"]["all"]["move"]["it"]


def test_a_stage_leaves_its_best_weights(whole: Path) -> None:
    figures = validated(whole)
    assert list(figures) == [1, 2, 3, 4, 5, 6]
    best = max(figures, key=lambda step: figures[step])
    assert json.loads((whole / "stages/finetune/done.json").read_text())["best"] == {
        "figure": "all/move/it",
        "step": best,
        "value": figures[best],
    }
    assert json.loads((whole / "results.json").read_text())["evaluate"]["all"]["move"]["it"] == figures[best]
    assert [path.name for path in (whole / "stages/finetune/checkpoints").iterdir()] == ["step-00000006"]


def test_patience_ends_a_stage_and_lower_may_be_better(short, whole: Path, tmp_path: Path) -> None:
    patient = BEST.replace("in: [labels]", "lower: true, in: [labels]").replace("best:", "patience: 2, best:")
    run = finished(short(patient, "stages.finetune.steps=40"), tmp_path / "r")
    figures = validated(run)
    assert {step: figures[step] for step in (1, 2, 3)} == {step: validated(whole)[step] for step in (1, 2, 3)}
    done = json.loads((run / "stages/finetune/done.json").read_text())
    best = min(figures, key=lambda step: figures[step])
    assert done["best"]["step"] == best
    assert done["steps"] == len(figures) == best + 2


class KilledError(BaseException):
    """Stands for a process that ends."""


def kill_at(moment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the process in place of a write to the disk, by its number."""
    replace, written = os.replace, 0

    def replace_or_end(source: Any, target: Any) -> None:
        nonlocal written
        written += 1
        if written >= moment:
            raise KilledError
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_or_end)


def killed_and_finished(experiment: Experiment, root: Path, moments: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    for moment in moments:
        with monkeypatch.context() as patch:
            kill_at(moment, patch)
            try:
                finished(experiment, root)
            except KilledError:
                continue
    finished(experiment, root)


def test_a_killed_run_ends_as_one_that_was_not(short, whole: Path, tmp_path: Path, monkeypatch) -> None:
    killed_and_finished(short(BEST), tmp_path / "r", [9, 5, 4], monkeypatch)
    assert outcome(tmp_path / "r") == outcome(whole)


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1, 3])
def test_a_run_may_be_killed_at_any_write(short, whole: Path, tmp_path: Path, monkeypatch, keep: int) -> None:
    experiment = short(BEST, f"stages.finetune.keep={keep}")
    for moment in range(4, 24):
        root = tmp_path / str(moment)
        killed_and_finished(experiment, root, [moment], monkeypatch)
        assert outcome(root) == outcome(whole), moment


@pytest.mark.parametrize(("every", "written"), [(1, [1, 2, 3]), (100, [3])])
def test_a_stop_in_the_middle_of_an_evaluation_loses_no_step(
    short, whole: Path, tmp_path: Path, monkeypatch, every: int, written: list[int]
) -> None:
    taken, save, saved = 0, checkpoints.save, []

    def take_and_ask(run: Context, *arguments: Any) -> None:
        nonlocal taken
        taken += 1
        run.stop_requested = taken == 8  # in the third evaluation: a step takes one batch, and its evaluation two

    def save_and_note(folder: Path, step: int, *content: Any) -> None:
        saved.append(step)
        save(folder, step, *content)

    experiment = short(BEST, f"stages.finetune.checkpoint_every={every}")
    with monkeypatch.context() as patch:
        patch.setattr(Context, "take", take_and_ask)
        patch.setattr(checkpoints, "save", save_and_note)
        with pytest.raises(StoppedError, match="after step 3 of 6"):
            finished(experiment, tmp_path / "r")
    assert saved == written
    assert list(validated(tmp_path / "r")) == [1, 2]
    finished(experiment, tmp_path / "r")
    assert outcome(tmp_path / "r") == outcome(whole)


def test_a_figure_that_the_validation_lacks_is_named(short, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no figure 'all/move/is'\n.*did you mean 'all/move/it'\?"):
        finished(short(BEST.replace("move/it", "move/is")), tmp_path / "r")
    with pytest.raises(ConfigError, match=r"no figure of this validation is called 'all/mov/it'\n.*did you mean 'all/move/'\?"):
        finished(short(BEST.replace("all/move/it", "all/mov/it")), tmp_path / "s")
    assert not (tmp_path / "s").exists()
    with pytest.raises(ConfigError, match="`patience` waits for a better figure"):
        finished(short(BEST.replace("best: all/move/it", "patience: 2")), tmp_path / "s")


def test_unreadable_files_of_a_validation_are_counted(short, whole: Path, clips: Path, tmp_path: Path) -> None:
    """whole: made the clips."""
    (split,) = (clips / "data").glob("*/train")
    for i, source in enumerate(sorted(split.glob("*.mp4"))[:4]):
        (tmp_path / f"{i}.mp4").write_bytes(source.read_bytes()[: None if i else 500])
    (tmp_path / "index.csv").write_text("path,label\n" + "".join(f"{i}.mp4,a\n" for i in range(4)))
    decoders = "{video: {use: frames, fps: 4, size: 32}, audio: {use: log_mel, bins: 16, hop: 0.0625}}"
    folder = f"{{use: folder, root: {tmp_path}, index: index.csv, batch_size: 4, clip: {{seconds: 2.0}}, modalities: {decoders}}}"
    overrides = [f"data.files={folder}", BEST.replace("data: labelled", "data: files")]
    with pytest.raises(DataError, match=r"0\.mp4"):
        finished(short(*overrides), tmp_path / "strict")
    lenient = finished(short(*overrides, "data.files.max_unreadable=1"), tmp_path / "lenient")
    assert len(validated(lenient)) == 6
    warnings = [json.loads(line)["text"] for line in (lenient / "warnings.jsonl").read_text().splitlines()]
    assert len([text for text in warnings if "0.mp4" in text]) == 1


@pytest.mark.slow
def test_kill_9_at_random_points(tiny_config: Path, whole: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "wobble.py"
    plugin.write_text(WOBBLE)
    long = [BEST.replace("best:", "patience: 12, best:"), "stages.finetune.steps=40", "stages.finetune.checkpoint_every=3"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(root: Path) -> subprocess.Popen[bytes]:
        command = [ANTIFAZ, "run", str(tiny_config), *SHORT, *long, "-p", str(plugin), "--run", str(root), "--device", "cpu"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)

    assert start(tmp_path / "whole").wait(timeout=200) == 0
    rng = random.Random(1)
    for _ in range(10):
        process = start(tmp_path / "r")
        deadline = time.monotonic() + 60
        while not (tmp_path / "r/stages/finetune").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(rng.uniform(1.0, 5.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    last = start(tmp_path / "r")
    _, err = last.communicate(timeout=200)
    assert last.returncode == 0, err.decode()
    assert outcome(tmp_path / "r") == outcome(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_come_to_the_same_decisions(tiny_config: Path, tmp_path: Path) -> None:
    """17 samples give the processes different numbers of batches."""
    plugin = tmp_path / "wobble.py"
    plugin.write_text(WOBBLE)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python", "--", ANTIFAZ]
    patient = [BEST.replace("best:", "patience: 2, best:"), "stages.finetune.steps=40", "data.labelled.samples=17"]
    command = [*torchrun, "run", str(tiny_config), *SHORT, *patient, "-p", str(plugin), "--run", str(tmp_path / "r")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run([*command, "--device", "cpu"], env=environment, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stderr[-2000:]
    figures = validated(tmp_path / "r")
    done = json.loads((tmp_path / "r/stages/finetune/done.json").read_text())
    assert done["best"]["step"] == max(figures, key=lambda step: figures[step]) == done["steps"] - 2
