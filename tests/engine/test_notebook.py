"""The parts of a run one by one are what the run does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from antifaz.core.errors import DataError, RunError
from antifaz.core.experiment import Experiment
from antifaz.core.graph.module import build_graph
from antifaz.engine.notebook import batches, evaluate, load_weights, save_weights, training_model
from antifaz.engine.predict import load
from antifaz.engine.run import run_experiment


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_config: Path) -> Path:
    """A run of the tiny experiment without dropout and augmentation of one stage."""
    from antifaz.core.experiment import read

    root = tmp_path_factory.mktemp("notebook") / "run"
    changes = ["stages.pretrain=!delete", "stages.finetune.init=!delete", "stages.finetune.ema=!delete"]
    changes += ["graph.encoder.dropout=0.0", "stages.finetune.log_every=1", "stages.evaluate.metrics.pairs=!delete"]
    run_experiment(read(tiny_config, None, changes), root, device="cpu", quiet=True)
    return root


def test_the_first_loss_is_that_of_the_run(run: Path) -> None:
    experiment = load(run).experiment
    graph = build_graph(experiment.wirings["finetune"], seed=experiment.header.seed)
    model = training_model(experiment, "finetune", graph)
    first = next(iter(batches(experiment, "finetune")))
    loss, figures = model.loss(first.entries)
    assert loss.requires_grad
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert float(figures["labels"]) == pytest.approx(next(line["labels"] for line in logged if line["step"] == 1), abs=1e-6)
    third = next(iter(batches(experiment, "finetune", start=2)))
    assert third.indices == [b.indices for b in batches(experiment, "finetune")][2] != first.indices


def test_an_evaluation_gives_the_figures_of_the_run_and_leaves_the_modes(run: Path) -> None:
    model = load(run)
    model.graph.train()
    model.graph.get_submodule("encoder").eval()
    results = evaluate(model.experiment, "evaluate", model.graph)
    assert results == json.loads((run / "results.json").read_text())["evaluate"]
    assert model.graph.training
    assert not model.graph.get_submodule("encoder").training


def test_weights_go_into_a_file_and_back(run: Path, tmp_path: Path) -> None:
    trained = load(run).graph
    save_weights(trained, tmp_path / "mine.safetensors")
    fresh = build_graph(trained.wiring, seed=5)
    (line,) = load_weights(fresh, tmp_path / "mine.safetensors")
    assert line.endswith(f"video, video_z from {tmp_path / 'mine.safetensors'}")
    assert all(torch.equal(value, fresh.weights()[name]) for name, value in trained.weights().items())


def test_features_of_all_samples_are_those_of_their_batches(run: Path, tiny: Callable[..., Experiment]) -> None:
    model = load(run)
    found = model.embed(["pooled.audio", "labels"], data="labelled")
    labels = [f"labels.{stream}" for stream in ("video", "audio", "fusion", "global")]
    assert {key: tuple(value.values.shape) for key, value in found.items()} == dict.fromkeys(["pooled.audio", *labels], (32, 16))
    parts = [model.features(batch, ["pooled.audio"])["pooled.audio"].values for batch in batches(model.experiment, "evaluate")]
    assert torch.equal(found["pooled.audio"].values, torch.cat(parts))
    with pytest.raises(DataError, match=r"no data set 'labeled'\n.*did you mean 'labelled'"):
        model.embed(data="labeled")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e, g: batches(e, "fintune"), r"'tiny' has no stage 'fintune'\n.*did you mean 'finetune'"),
        (lambda e, g: training_model(e, "evaluate", g), "has no training stage 'evaluate'"),
        (lambda e, g: evaluate(e, "finetune", g), r"has no evaluation stage 'finetune'\n.*evaluation stages: evaluate"),
    ],
)
def test_a_stage_that_is_not_there_is_refused(call: Callable[..., object], message: str, tiny: Callable[..., Experiment]) -> None:
    experiment = tiny()
    with pytest.raises(RunError, match=message):
        call(experiment, build_graph(experiment.wirings["finetune"], device="meta"))
