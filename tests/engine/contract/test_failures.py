"""Exceptions out of plugins' code name the node, objective or hook; the forward pass knows nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from antifaz.core.discovery import discover
from antifaz.core.errors import ComponentError, DataError, RunError
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.engine.contract.failures import META_HINT, Hooks, advice, naming_nodes
from antifaz.engine.run import run_experiment
from antifaz.engine.training.model import TrainingModel


def test_a_node_that_fails_in_a_run_is_named_at_its_place(tiny) -> None:
    experiment = tiny()
    wiring, sinks = experiment.wirings["pretrain"], experiment.sinks["pretrain"]
    model = TrainingModel(build_graph(wiring), sinks)
    model.graph.encoder.register_forward_pre_hook(lambda module, arguments: 1 / 0)
    words = "the backbone 'vit' failed in stage 'pretrain': ZeroDivisionError"
    with pytest.raises(ComponentError, match=words) as caught, naming_nodes(wiring, "in stage 'pretrain'"):
        model(fake_batch(wiring.inputs, 2))
    assert caught.value.location == wiring.locate(("encoder",))
    assert "ZeroDivisionError: division by zero" in caught.value.trace


def test_an_evaluation_names_its_node(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = tiny("stages.pretrain.steps=1", "stages.finetune.steps=1")
    spec = experiment.wiring.nodes["pooled"].plan.spec
    built = type(spec).build

    def build(self, inputs):
        module = built(self, inputs)
        module.register_forward_pre_hook(lambda module, arguments: None if module.training else {}["lost"])
        return module

    monkeypatch.setattr(type(spec), "build", build)
    with pytest.raises(ComponentError, match="the readout 'query_readout' failed in stage 'evaluate': KeyError: 'lost'"):
        run_experiment(experiment, tmp_path / "r", device="cpu", quiet=True)


def test_words_for_people_stay_and_little_memory_is_nobodys_fault(tiny) -> None:
    wiring = tiny().wiring
    with pytest.raises(DataError, match=r"^no such data$"), naming_nodes(wiring, "here"):
        raise DataError("no such data")
    words = r"^the device has too little memory here: CUDA out of memory\n"
    with pytest.raises(RunError, match=words) as caught, naming_nodes(wiring, "here"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    assert "batch_size" in (caught.value.hint or "")


def test_boolean_indexing_on_shapes_alone_is_told_what_to_do() -> None:
    for attempt in (lambda t: t[t > 0], lambda t: t.sum().item()):
        with pytest.raises((RuntimeError, NotImplementedError)) as caught:
            attempt(torch.empty(3, device="meta"))
        assert advice(caught.value, "other") == META_HINT
    assert advice(RuntimeError("no"), "other") == "other"


HOOKING = """
from antifaz.registry import hookimpl

@hookimpl
def antifaz_run_start(run):
    raise RuntimeError("nobody listens")
"""


def test_a_hook_that_raises_is_named(tiny_config: Path, tmp_path: Path) -> None:
    (tmp_path / "hooking.py").write_text(HOOKING)
    plugins = discover([tmp_path / "hooking.py"])
    with pytest.raises(
        ComponentError, match="the hook 'antifaz_run_start' of the plugin 'hooking' failed: RuntimeError: nobody"
    ) as caught:
        Hooks(plugins.manager.hook).antifaz_run_start(run=None)
    assert "hooking.py:6, in antifaz_run_start: raise RuntimeError" in str(caught.value)
    with pytest.raises(ComponentError):
        run_experiment(read(tiny_config, plugins), tmp_path / "r", device="cpu", quiet=True)
