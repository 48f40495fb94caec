"""Initial weights: what a stage or file gives to which node, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from antifaz.core.errors import RunError, WeightsError
from antifaz.core.graph.module import build_graph
from antifaz.engine.run import run_experiment
from antifaz.engine.training.initialization import initialize, sources_of

WEIGHTS = "stages/{}/weights.safetensors"


def evaluation_of(tiny, path: Path, *overrides: str):
    return tiny("stages.pretrain=!delete", "stages.finetune=!delete", f"stages.evaluate.init={path}", *overrides)


def test_weights_of_another_graph_are_refused(tiny, finished: Path, tmp_path: Path) -> None:
    foreign = finished / WEIGHTS.format("pretrain")
    overrides = [f"stages.pretrain.init={foreign}", "graph.encoder.depth=3"]
    with pytest.raises(RunError, match=r"encoder: missing: blocks\.2"):
        run_experiment(tiny(*overrides), tmp_path / "r", device="cpu", quiet=True)


def test_weights_that_fill_nothing_are_refused(tiny, finished: Path, tmp_path: Path) -> None:
    weights = load_file(finished / WEIGHTS.format("finetune"))
    wrapped = tmp_path / "ddp.safetensors"
    save_file({f"module.{name}": value for name, value in weights.items()}, wrapped)
    with pytest.raises(RunError, match=r"has no weights of .*; it holds module"):
        run_experiment(evaluation_of(tiny, wrapped), tmp_path / "a", device="cpu", quiet=True)
    partial = tmp_path / "partial.safetensors"
    save_file({name: value for name, value in weights.items() if not name.startswith("encoder.")}, partial)
    with pytest.raises(RunError, match="nothing gives weights to encoder"):
        run_experiment(evaluation_of(tiny, partial), tmp_path / "b", device="cpu", quiet=True)
    named = ["stages.finetune=!delete", "stages.evaluate=!delete", f"stages.pretrain.init={{encoder: {partial}}}"]
    with pytest.raises(RunError, match="has no weights of encoder"):
        run_experiment(tiny(*named), tmp_path / "c", device="cpu", quiet=True)


def test_nodes_are_filled_from_where_they_are_told(tiny) -> None:
    wiring = tiny().wirings["finetune"]
    first, second = build_graph(wiring, seed=1), build_graph(wiring, seed=2)
    lines = initialize(second, {"encoder": "pretrain"}, {"pretrain": first.weights()})
    assert lines == ["weights of encoder from stage 'pretrain'"]
    for name, value in second.weights().items():
        own = build_graph(wiring, seed=2).weights()[name]
        assert torch.equal(value, first.weights()[name] if name.startswith("encoder.") else own), name


def test_a_needed_node_must_not_stay_fresh(tiny) -> None:
    wiring = tiny().wirings["finetune"]
    graph = build_graph(wiring)
    with pytest.raises(WeightsError, match="nothing gives weights to labels"):
        initialize(graph, {"encoder": "pretrain"}, {"pretrain": graph.weights()}, needed=["labels"])


def test_sources_are_stages_and_files() -> None:
    assert list(sources_of("pretrain")) == ["pretrain"]
    assert list(sources_of({"encoder": "a.safetensors", "labels": "pretrain"})) == ["a.safetensors", "pretrain"]
    assert list(sources_of(None)) == []
