"""The context of a run: warnings told once, figures handed to loggers, components that fail named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from antifaz.analysis.check.report import check
from antifaz.core.discovery import discover
from antifaz.core.errors import ComponentError, DataError, RunError
from antifaz.core.experiment import read
from antifaz.engine.context import blaming
from antifaz.engine.run import run_experiment
from antifaz.plugins.optimizers.sgd import SGD
from antifaz.registry import ConfigError, Plugins

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
    said = r"the logger 'lines' failed at step 2 of stage 'pretrain': KeyError.*keeper.py:\d+\)"
    with pytest.raises(ComponentError, match=said) as failed:
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    assert failed.value.location == experiment.document.location(("loggers", 0))


def test_a_logger_that_cannot_close_is_a_warning_and_the_others_are_closed(
    tiny_config: Path, keeper: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = read(tiny_config, keeper, [*SHORT, "loggers=[lines, {use: lines, fails: false}]"])
    spec = experiment.header.loggers[0]
    built = type(spec).build

    def build(self, run):
        logger = built(self, run)
        if self is spec:
            monkeypatch.setattr(logger, "close", lambda: 1 / 0)
        return logger

    monkeypatch.setattr(type(spec), "build", build)
    run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    assert (tmp_path / "r" / "events" / "closed").exists()
    assert "the logger 'lines' failed: ZeroDivisionError" in (tmp_path / "r" / "warnings.jsonl").read_text()
    assert (tmp_path / "r" / "stages" / "pretrain" / "done.json").exists()


FAULTY = """
import attrs
from antifaz.registry import component, hookimpl

@component("optimizer", "brittle")
@attrs.frozen(kw_only=True)
class Brittle:
    "Fails."
    lr = 0.1
    weight_decay = 0.0
    moments = 0

    def build(self, groups):
        raise ValueError("no such groups")

@component("schedule", "cracked")
@attrs.frozen(kw_only=True)
class Cracked:
    "Fails."
    def rate(self, step, steps, peak):
        return 1 / 0

@hookimpl
def antifaz_components():
    return [Brittle, Cracked]
"""


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ("stages.pretrain.optimizer={use: brittle}", "optimizer", "the optimizer 'brittle' fails: ValueError: no such groups"),
        ("stages.pretrain.schedule=cracked", "schedule", "the schedule 'cracked' fails: ZeroDivisionError: division by zero"),
    ],
)
def test_optimizers_and_schedules_that_fail_are_named(
    tiny_config: Path, tmp_path: Path, change: str, place: str, words: str
) -> None:
    (tmp_path / "faulty.py").write_text(FAULTY)
    experiment = read(tiny_config, discover([tmp_path / "faulty.py"]), [*SHORT, change])
    with pytest.raises(ConfigError) as refused:
        check(experiment, data=False)
    assert words in str(refused.value)
    assert refused.value.problems[0].location == experiment.document.location(("stages", "pretrain", place))
    with pytest.raises(ComponentError, match=f"the {place} '.*' failed") as failed:
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    assert failed.value.location == refused.value.problems[0].location


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


@pytest.mark.parametrize("hook", ["antifaz_run_start", "antifaz_step", "antifaz_checkpoint", "antifaz_run_end"])
def test_a_plugin_that_fails_in_a_hook_is_named_with_its_hook(tiny_config: Path, tmp_path: Path, hook: str) -> None:
    (tmp_path / "broken_hook.py").write_text(
        "from antifaz.registry import hookimpl\n\n"
        "def far_away():\n    raise LookupError('not here')\n\n"
        f"@hookimpl\ndef {hook}(run):\n    far_away()\n"
    )
    experiment = read(tiny_config, discover([tmp_path / "broken_hook.py"]), SHORT)
    with pytest.raises(RunError) as refused:
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
    words = f"the hook {hook!r} of the plugin 'broken_hook' failed: LookupError: not here (broken_hook.py:4)"
    assert refused.value.message == words


def test_what_a_hook_says_for_people_stays_as_it_is(tiny_config: Path, tmp_path: Path) -> None:
    (tmp_path / "refusing_hook.py").write_text(
        "from antifaz.core.errors import RunError\nfrom antifaz.registry import hookimpl\n\n"
        "@hookimpl\ndef antifaz_run_start():\n    raise RunError('not today')\n"
    )
    experiment = read(tiny_config, discover([tmp_path / "refusing_hook.py"]), SHORT)
    with pytest.raises(RunError, match=r"^not today$"):
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)
