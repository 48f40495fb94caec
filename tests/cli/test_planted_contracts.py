"""Mistakes of plugins that show only at run time: `check` and `run` say each in a located sentence, with no traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from antifaz.cli import main
from tests.support.contract_config import CONFIG, PLUGIN

DATA, TRANSFORM = "data.train.fault={}", "data.train.transforms=[{{use: scale, fault: {}}}]"
OBJECTIVE, METRIC = "stages.train.objectives.squares.fault={}", "stages.test.metrics.balanced.fault={}"
SAMPLE = r"'motion \d+'"
OWNER = "of the plugin 'planted_contracts'"
MOTIONS = f"contract.yaml:6:5: data.train: the dataset 'motions' {OWNER}"
SCALE = rf"command line: .*: data.train: the batch transform 'scale' {OWNER}"
SQUARES = rf"contract.yaml:18:16: the objective 'squares' {OWNER} \(squares\)"
BALANCED = rf"contract.yaml:24:17: the metric 'balanced' {OWNER} \(balanced of stage 'test'\)"

MISTAKES = [
    (DATA, "unknown", f"{MOTIONS} hands over the entry 'motoin', which it does not declare: {SAMPLE}"),
    (DATA, "shape", rf"{MOTIONS} hands over 'motion' as \[7\] float32, declared is \[8\] float32: {SAMPLE}"),
    (DATA, "range", f"{MOTIONS} hands over the class 6 in 'label', declared are 0 to 1: 'motion 3'"),
    (DATA, "double", rf"{MOTIONS} hands over 'motion' as \[8\] float64, declared is \[8\] float32: {SAMPLE}"),
    (METRIC, "tensor", rf"{BALANCED} returns a tensor \[\], not a mapping"),
    (METRIC, "number", f"{BALANCED} returns a bare float, not a mapping"),
    (OBJECTIVE, "terms", f"{SQUARES} returns a Loss without terms"),
    (DATA, "ragged", rf"{MOTIONS} stores 'motion' as \[\d\] float32 in {SAMPLE} and as \[\d\] float32 in {SAMPLE}"),
    (DATA, "array", f"{MOTIONS} hands over 'motion' as ndarray, not as a tensor: {SAMPLE}"),
    (DATA, "dictionary", f"{MOTIONS} loads a dict, not a Sample: {SAMPLE}"),
    (DATA, "index_of_it", rf"{MOTIONS} loads {SAMPLE} as the sample of index 0, not \d+"),
    (DATA, "declares", r"contract.yaml:6:5: the data set 'motions' cannot say its shapes: LookupError: no such shape \(planted"),
    (DATA, "finish", f"{MOTIONS} finishes 'motion' as ndarray, not as a tensor"),
    (DATA, "object", f"{MOTIONS} builds an object without `shapes`, `__len__`, `load`, `finish`: object"),
    (DATA, "index", f"{MOTIONS} cannot be opened: /nowhere/index.csv: No such file or directory"),
    (DATA, "raises", r"6:5: the dataset 'motions' failed loading the sample 'motion 1' of data.train: KeyError: 'acceleration'"),
    (TRANSFORM, "shape", rf"{SCALE} returns 'motion' as \[7\] float32, declared is \[8\] float32"),
    (TRANSFORM, "tensor", f"{SCALE} returns 'motion' as Tensor, not as Features"),
    (TRANSFORM, "rows", rf"{SCALE} returns 'motion' as a batch of \d from one of \d"),
    (TRANSFORM, "drops", f"{SCALE} returns no entry 'motion', which it declares"),
    (TRANSFORM, "adds", f"{SCALE} returns the entry 'motions', which it does not declare"),
    (TRANSFORM, "list", f"{SCALE} returns a list, not a mapping"),
    (TRANSFORM, "raises", "the batch transform 'scale' failed changing a batch of data.train: ValueError: cannot scale"),
    (OBJECTIVE, "tensor", f"{SQUARES} returns a Tensor, not a Loss"),
    (OBJECTIVE, "vector", rf"{SQUARES} returns the total of the term 'squares' as a tensor \[\d\], not as a 0-dim tensor"),
    (OBJECTIVE, "number", f"{SQUARES} returns the count of the term 'squares' as int, not as a 0-dim tensor"),
    (
        OBJECTIVE,
        "real",
        r"contract.yaml:18:16: the objective 'squares' \(squares\) failed in stage 'train'.*: RuntimeError: not with",
    ),
    (OBJECTIVE, "indexing", r"contract.yaml:18:16: stage 'train': the objective 'squares' cannot run: (?s:.*)zero_invalid"),
    (METRIC, "inner", rf"{BALANCED} returns 'share' as a tensor \[\], not as a number"),
    (METRIC, "nested", f"{BALANCED} returns 'share' as dict, not as a number"),
    (METRIC, "empty", f"{BALANCED} returns no figure at all"),
]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Give a command on the config; returns what it says of mistakes, and its exit code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contract.yaml").write_text(CONFIG)

    def give(command: str, *words: str) -> tuple[str, int]:
        monkeypatch.setattr("sys.argv", ["antifaz", command, "contract.yaml", *words, "-p", str(PLUGIN)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return capsys.readouterr().err, code

    return give


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("place", "fault", "words"), MISTAKES, ids=[f"{place.split('.')[-2]}-{fault}" for place, fault, _ in MISTAKES]
)
def test_a_mistake_is_a_located_sentence(say, command: str, place: str, fault: str, words: str) -> None:
    said, code = say(command, place.format(fault))
    assert code == 2
    assert re.search(words, said), said
    assert "Traceback" not in said


@pytest.mark.parametrize("fault", ["none", "uncounted", "nameless"])
def test_names_and_counts_of_samples_may_be_left_out(say, fault: str) -> None:
    assert say("check", f"data.train.fault={fault}") == ("", 0)
    assert say("run", f"data.train.fault={fault}") == ("", 0)


def test_samples_that_cannot_be_read_are_counted(say, capsys: pytest.CaptureFixture[str]) -> None:
    said, code = say("check", "data.train.fault=unreadable")
    assert code == 2
    assert "contract.yaml:6:5: data.train: of the first 8 samples 2 cannot be read: motion 1 is broken" in said
    assert say("check", "data.train.fault=unreadable", "data.train.max_unreadable=2") == ("", 0)


def test_workers_hand_mistakes_over_without_torchs_words(say) -> None:
    said, code = say("run", "data.train.fault=raises", "data.train.workers=1")
    assert code == 2
    assert "failed loading the sample 'motion 1' of data.train: KeyError: 'acceleration' (planted_contracts.py:" in said
    assert f"{PLUGIN}:" in said
    assert "worker" not in said
    said, _ = say("run", "data.train.fault=double", "data.train.workers=1", "--run", "other")
    assert "hands over 'motion' as [8] float64" in said


def test_a_killed_worker_is_told_in_words(say) -> None:
    said, code = say("run", "data.train.fault=killed", "data.train.workers=1")
    assert code == 2
    assert said.startswith("a loader process was killed, probably for want of memory")


def test_the_traceback_is_shown_on_request_also_from_a_worker(say) -> None:
    said, code = say("run", "data.train.fault=raises", "data.train.workers=1", "--traceback")
    assert code == 2
    assert said.startswith("Traceback (most recent call last):")
    assert "KeyError: 'acceleration'\n" in said
    for change in (DATA.format("raises"), OBJECTIVE.format("real"), OBJECTIVE.format("indexing")):
        said, _ = say("check", change, "--traceback")
        assert said.startswith("Traceback (most recent call last):")
        assert f'File "{PLUGIN}", line' in said.partition("contract.yaml:")[0]
    said, _ = say("check", "data.train.fault=shape", "--traceback")
    assert said.startswith("Traceback (most recent call last):")


def test_a_metric_that_raises_is_named_by_the_evaluation(say) -> None:
    said, code = say("run", "stages.test.metrics.balanced.fault=raises")
    assert code == 2
    assert (
        "contract.yaml:24:17: the metric 'balanced' failed computing 'balanced' of stage 'test', given all: ValueError: only"
        in said
    )


def test_callbacks_and_loggers_without_methods_are_refused(say) -> None:
    for command in ("check", "run"):
        said, code = say(command, "stages.train.callbacks=[forgetful]")
        assert code == 2
        assert "builds an object without `before_stage`, `after_step`, `after_stage`: object" in said
    said, code = say("run", "loggers=[forgetful]", "--run", "other")
    assert code == 2
    assert "the logger 'forgetful' of the plugin 'planted_contracts' builds an object without `log`, `close`: object" in said
