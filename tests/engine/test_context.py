"""The context of a run: warnings told once, figures handed to loggers, components that fail named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antifaz.core.errors import DataError, RunError
from antifaz.core.experiment import read
from antifaz.engine.context import blaming
from antifaz.engine.run import run_experiment
from antifaz.plugins.optimizers.sgd import SGD
from antifaz.registry import Plugins

SHORT = ("stages.pretrain.steps=2", "stages.finetune=!delete", "stages.evaluate=!delete")
KEEPER = """
import attrs
from pathlib import Path
from antifaz.registry import component, hookimpl, option

@component("logger", "lines")
@attrs.frozen(kw_only=True)
class Lines:
    \"\"\"A line for each record.\"\"\"
    fails: bool = option(default=False, doc="raise instead")

    def build(self, run):
        return Keeper(run.root / "events", self.fails)

class Keeper:
    def __init__(self, folder, fails):
        self.folder, self.fails = folder, fails

    def log(self, stage, step, figures):
        if self.fails:
            raise KeyError("nowhere to keep it")
        self.folder.mkdir(exist_ok=True)
        with open(self.folder / "lines.txt", "a") as file:
            file.write(f"{stage} {step} {sorted(figures)[0]}\\n")

    def close(self):
        if self.folder.exists():
            (self.folder / "closed").touch()

@hookimpl
def antifaz_components():
    return [Lines]
"""


@pytest.fixture
def keeper(tmp_path: Path) -> Plugins:
    from antifaz.core.discovery import discover

    (tmp_path / "keeper.py").write_text(KEEPER)
    return discover([tmp_path / "keeper.py"])


def test_loggers_are_those_of_the_config(tiny_config: Path, keeper: Plugins, tmp_path: Path) -> None:
    root = tmp_path / "r"
    run_experiment(read(tiny_config, keeper, [*SHORT, "loggers=[lines]"]), root, device="cpu", quiet=True)
    assert {path.name for path in (root / "events").iterdir()} == {"lines.txt", "closed"}
    assert (root / "events" / "lines.txt").read_text() == "pretrain 2 av\n"
    run_experiment(read(tiny_config, keeper, [*SHORT, "loggers=[]"]), tmp_path / "none", device="cpu", quiet=True)
    assert not (tmp_path / "none" / "events").exists()
    assert (tmp_path / "none" / "metrics.jsonl").read_text().count("\n") == 1


def test_a_logger_that_fails_is_named_with_its_stage_and_step(tiny_config: Path, keeper: Plugins, tmp_path: Path) -> None:
    experiment = read(tiny_config, keeper, [*SHORT, "loggers=[{use: lines, fails: true}]"])
    with pytest.raises(RunError, match=r"the logger 'lines' failed at step 2 of stage 'pretrain': KeyError.*keeper.py:\d+\)"):
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)


def test_words_for_people_stay_as_they_are() -> None:
    with pytest.raises(DataError, match=r"^no such data$"), blaming(SGD(lr=0.1), "train", 3):
        raise DataError("no such data")


def test_a_warning_is_told_once(tiny, tmp_path: Path) -> None:
    run = run_experiment(tiny(*SHORT), tmp_path / "r", device="cpu", quiet=True)
    for text in ("odd", "odd", "even"):
        run.warn("pretrain", text)
    run.share_warnings()
    lines = (tmp_path / "r" / "warnings.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["odd", "even"]
