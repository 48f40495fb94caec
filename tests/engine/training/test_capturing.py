"""What callbacks get of the inside of the model: in the steps of which they want it, and without a change of the training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load_file

from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import CallbackEntry, Experiment
from antifaz.core.interfaces import Callback
from antifaz.engine.run import run_experiment
from antifaz.registry import component

SHORT = ("stages.pretrain.steps=3", "stages.finetune=!delete", "stages.evaluate=!delete", "pure=!delete", "graph.labels=!delete")


class Watching(Callback):
    """Keeps what it finds after each step."""

    def __init__(self, capture: Sequence[str], every: int) -> None:
        self.capture, self.capture_every = capture, every
        self.found: list[dict[str, Any]] = []

    def after_step(self, run: Any, state: Any) -> None:
        self.found.append(dict(state.captured))


@component("callback", "watching")
@attrs.frozen(kw_only=True)
class WatchingSpec:
    callback: Watching

    def build(self) -> Watching:
        return self.callback


def run_with(experiment: Experiment, folder: Path, *callbacks: Watching) -> dict[str, torch.Tensor]:
    stages = dict(experiment.stages)
    stages["pretrain"] = attrs.evolve(
        stages["pretrain"], callbacks=tuple(CallbackEntry(spec=WatchingSpec(callback=each)) for each in callbacks)
    )
    run_experiment(attrs.evolve(experiment, stages=stages), folder, device="cpu", quiet=True)
    return load_file(folder / "stages/pretrain/weights.safetensors")


def test_callbacks_find_what_they_ask_for_and_training_stays_the_same(tiny, tmp_path: Path) -> None:
    often, seldom = Watching(["encoder.blocks.*.attention"], 1), Watching(["pooled"], 2)
    experiment = tiny(*SHORT)
    expected = run_with(experiment, tmp_path / "plain")
    got = run_with(experiment, tmp_path / "watched", often, seldom)
    assert all(torch.equal(got[name], value) for name, value in expected.items())
    layers = ["encoder.blocks.0.attention", "encoder.blocks.1.attention"]
    assert [sorted(found) for found in often.found] == [layers, [*layers, "pooled"], layers]
    weights = often.found[0][layers[0]].attention["audio", "audio"]
    assert weights.shape[:2] == (8, 2)
    assert not weights.requires_grad
    assert not torch.equal(weights, often.found[1][layers[0]].attention["audio", "audio"])


def test_with_accumulation_it_is_of_the_last_micro_batch(tiny, tmp_path: Path) -> None:
    watching = Watching(["encoder.blocks.0"], 1)
    parts = ["graph.labels={use: linear_heads, in: pooled, classes: 16}", "stages.pretrain.data=labelled"]
    parts += ["stages.pretrain.objectives={av: !delete , l: {use: cross_entropy, in: [labels, batch.label]}}"]
    run_with(tiny(*SHORT[:-1], *parts, "stages.pretrain.accumulate=2"), tmp_path / "run", watching)
    assert [len(found["encoder.blocks.0"].streams["audio"]) for found in watching.found] == [4, 4, 4]


@pytest.mark.parametrize(
    ("capture", "every", "words"), [("head", 1, "not a list of patterns"), (["pooled"], 0, "not a number of steps")]
)
def test_what_a_callback_asks_for_is_a_list_of_patterns(tiny, tmp_path: Path, capture: Any, every: int, words: str) -> None:
    with pytest.raises(ComponentError, match=words):
        run_with(tiny(*SHORT), tmp_path / "run", Watching(capture, every))


def test_a_name_that_is_not_there_is_told_with_the_callback(tiny, tmp_path: Path) -> None:
    message = r"the callback 'watching' of stage 'pretrain' asks for what is not there: no module .* 'encoder.bloks.0'"
    with pytest.raises(RunError, match=message) as error:
        run_with(tiny(*SHORT), tmp_path / "run", Watching(["encoder.bloks.0"], 1))
    assert "did you mean 'encoder.blocks.0'" in str(error.value)


@pytest.mark.slow
def test_a_compiled_stage_is_captured_too(tiny, tmp_path: Path) -> None:
    watching = Watching(["encoder.blocks.*.attention"], 2)
    run_with(tiny(*SHORT, "stages.pretrain.compile=true"), tmp_path / "run", watching)
    assert [len(found) for found in watching.found] == [0, 2, 0]
