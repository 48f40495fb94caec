"""Objectives are tried before the first step: spread over processes or micro-batches, against the whole batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from antifaz.core import collectives
from antifaz.core.discovery import discover
from antifaz.core.errors import RunError
from antifaz.core.experiment import read
from antifaz.core.streams import Shape
from antifaz.engine.run import run_experiment
from antifaz.engine.training.spread import SpreadObjectiveError, marked, part, random_groups, stepped, with_absences
from tests.support import planted_objectives

PLUGIN = Path(planted_objectives.__file__)
PAIRS = "stages.pretrain.objectives={av: {use: pairs, in: [video_z, audio_z], %s}}"
SHAPE = Shape((4,))
SHORT = ("stages.pretrain.steps=1", "stages.finetune=!delete", "stages.evaluate=!delete", "pure=!delete", "graph.labels=!delete")


def train(config: Path, folder: Path, options: str, *overrides: str) -> None:
    experiment = read(config, discover([PLUGIN]), [*SHORT, PAIRS % options, *overrides])
    run_experiment(experiment, folder, device="cpu", quiet=True)


@pytest.mark.parametrize("options", ["way: distances", "way: shaken, draws_randomly: true"])
def test_what_is_the_same_in_micro_batches_trains(tiny_config: Path, tmp_path: Path, options: str) -> None:
    train(tiny_config, tmp_path / "run", options, "stages.pretrain.accumulate=2")
    assert (tmp_path / "run/stages/pretrain/weights.safetensors").exists()


@pytest.mark.parametrize("way", ["mean_of_means", "sigmoid_pairs", "saturated_pairs", "single_pairs", "shaken"])
def test_what_is_not_is_refused_with_accumulation(tiny_config: Path, tmp_path: Path, way: str) -> None:
    with pytest.raises(SpreadObjectiveError, match=r"objectives.av: .*'pairs'.* over 2 micro-batches: its loss is") as error:
        train(tiny_config, tmp_path / "run", f"way: {way}", "stages.pretrain.accumulate=2")
    assert "needs_whole_batch" in str(error.value)
    assert error.value.exit_code == RunError.exit_code
    assert not (tmp_path / "run/stages/pretrain/checkpoints").exists()


def test_an_objective_that_fails_on_a_share_is_refused_with_its_words(tiny_config: Path, tmp_path: Path) -> None:
    with pytest.raises(SpreadObjectiveError, match="it fails on a share of the batch: AssertionError: nobody is there"):
        train(tiny_config, tmp_path / "run", "way: crowded", "stages.pretrain.accumulate=2")


def test_nothing_is_tried_in_one_process_without_accumulation(tiny_config: Path, tmp_path: Path) -> None:
    train(tiny_config, tmp_path / "run", "way: sigmoid_pairs")


@pytest.mark.parametrize(("way", "equal"), [("gathered_pairs", True), ("sigmoid_pairs", False), ("detached_pairs", False)])
def test_a_strangers_contrastive_objective_equals_one_process_or_is_refused(
    tiny_config: Path, tmp_path: Path, way: str, equal: bool
) -> None:
    torchrun, antifaz = [sys.executable, "-m", "torch.distributed.run"], str(Path(sys.executable).with_name("antifaz"))
    command = [*torchrun, "--standalone", "--nproc-per-node=2", "--no-python", "--", antifaz, "run", str(tiny_config)]
    command += [*SHORT, PAIRS % f"way: {way}", "--run", str(tmp_path / "run"), "-p", str(PLUGIN), "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, cwd=tmp_path)
    assert (done.returncode == 0) == equal, done.stderr[-3000:]
    if not equal:
        assert done.stderr.count("is not the same when a batch is spread over 2 processes") == 1
        assert "antifaz/engine" not in done.stderr  # no traceback but torchrun's own
        assert not (tmp_path / "run/stages/pretrain/checkpoints").exists()


def test_a_step_over_shares_adds_their_totals_and_counts() -> None:
    spec = planted_objectives.PairsSpec()
    groups = marked(random_groups({"left": {"a": SHAPE}, "right": {"b": SHAPE}}, 6), torch.arange(6) != 2)
    whole = stepped(spec.build({}), [groups])
    spread = stepped(spec.build({}), [part(groups, slice(0, 3)), part(groups, slice(3, 6))])
    torch.testing.assert_close(spread.loss, whole.loss)
    torch.testing.assert_close(torch.cat([spread.inputs[0], spread.inputs[2]]), whole.inputs[0])
    assert not whole.inputs[0][2].any()


def test_samples_are_there_everywhere_unevenly_differently_by_argument_and_not_in_the_first_share() -> None:
    groups = random_groups({"left": {"a": SHAPE}, "right": {"b": SHAPE}}, 8)
    full, uneven, apart, empty = with_absences(groups, 8, 2)
    there = [(each["left"]["a"].presence(), each["right"]["b"].presence()) for each in (full, uneven, apart, empty)]
    assert there[0][0].all()
    assert [int(half.sum()) for half in there[1][0].split(4)] == [1, 2]
    assert [torch.equal(left, right) for left, right in there] == [True, True, False, True]
    assert there[3][0].tolist() == [False] * 4 + [True] * 4


def test_alone_hides_the_other_processes() -> None:
    with collectives.alone():
        assert (collectives.rank(), collectives.world_size()) == (0, 1)
