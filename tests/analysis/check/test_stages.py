"""check: the step of a training stage is measured on the stage's own entries; an objective that fails is named."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from typer.testing import CliRunner

from antifaz.analysis.check.report import check
from antifaz.cli.app import app
from antifaz.core.discovery import discover
from antifaz.core.experiment import CallbackEntry, read
from antifaz.core.interfaces import Callback
from antifaz.registry import ConfigError, component

AUDIO = "audio: {use: log_mel, bins: 16, hop: 0.0625}"
VIDEO = "video: {use: frames, fps: 4, size: 32}"
TWO_SETS = f"""
name: two-sets
data:
  both:
    {{use: shapes_and_sounds, split: train, samples: 32, batch_size: 8, clip: {{seconds: 2.0}}, modalities: {{{VIDEO}, {AUDIO}}}}}
  sound:
    {{use: shapes_and_sounds, split: train, samples: 32, batch_size: 8, clip: {{seconds: 2.0}}, modalities: {{{AUDIO}}}}}
graph:
  video: {{use: tubelets, in: batch.video, patch: [4, 16, 16], width: 16}}
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}}
  encoder: {{use: vit, in: [video, audio], mask: joint, depth: 2, heads: 2}}
  pooled: {{use: mean_readout, in: encoder}}
  labels: {{use: linear_heads, in: pooled, classes: 16}}
stages:
  together:
    task: train
    data: both
    steps: 1
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
  hearing:
    task: train
    data: sound
    steps: 1
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
"""
WITHOUT_VIDEO = [
    "data.both=!delete",
    "stages.together=!delete",
    "graph.video=!delete",
    "graph.encoder.in=audio",
    "graph.pooled.in={audio: encoder}",
]
FAILING = '''
import attrs
from antifaz.core.objectives import Objective
from antifaz.registry import component, hookimpl


class Failing(Objective):
    def forward(self, answers):
        raise RuntimeError("no such luck")


@component("objective", "failing", arguments=("answers",))
@attrs.frozen(kw_only=True)
class FailingSpec:
    """An objective that cannot run."""

    def validate(self, inputs):
        pass

    def build(self, inputs):
        return Failing()


@hookimpl
def antifaz_components():
    return [FailingSpec]
'''


def checked(*arguments: str) -> dict:
    result = CliRunner().invoke(app, ["check", *arguments, "--json"])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_a_stage_on_audio_alone_is_measured_without_video(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(TWO_SETS)
    both, alone = checked(str(path)), checked(str(path), *WITHOUT_VIDEO)
    hearing = both["stages"]["hearing"]
    measured = ("flops", "activations", "batch_size")
    assert {key: hearing[key] for key in measured} == {key: alone["stages"]["hearing"][key] for key in measured}
    assert hearing["flops"] < both["stages"]["together"]["flops"] / 2
    assert "video" in hearing["untrained"]
    assert both["stages"]["together"]["untrained"] == []


def test_the_micro_batches_of_a_step_add_up(plugins) -> None:
    whole, halves = (check(read("quickstart", plugins, changes), data=False) for changes in ([], ["stages.finetune.accumulate=2"]))
    one, two = whole.stages["finetune"].cost, halves.stages["finetune"].cost
    assert (one.batch_size, two.batch_size) == (64, 64)
    assert two.flops == one.flops
    assert two.activations < one.activations


def test_frozen_nodes_do_not_train(plugins) -> None:
    report = check(read("quickstart", plugins, ["stages.finetune.freeze=[audio]"]), data=False)
    assert report.stages["finetune"].untrained == ("audio", "video_z", "audio_z")


def test_an_objective_that_fails_is_blamed_at_its_place(tmp_path: Path) -> None:
    plugin, path = tmp_path / "failing.py", tmp_path / "two.yaml"
    plugin.write_text(FAILING)
    path.write_text(TWO_SETS)
    objective = "stages.hearing.objectives.mine={use: failing, in: labels}"
    result = CliRunner().invoke(app, ["check", str(path), objective, "-p", str(plugin)])
    (problem,) = result.exception.problems  # type: ignore[union-attr]
    assert problem.message == "stage 'hearing': the objective 'failing' cannot run: RuntimeError: no such luck (failing.py:9)"
    assert str(problem.location) == f"command line: {objective}"


def test_every_stage_that_fails_is_named(tmp_path: Path) -> None:
    plugin, path = tmp_path / "failing.py", tmp_path / "two.yaml"
    plugin.write_text(FAILING)
    path.write_text(TWO_SETS.replace("use: cross_entropy, in: [labels, batch.label]", "use: failing, in: labels"))
    experiment = read(path, discover([plugin]))
    with pytest.raises(ConfigError) as refused:
        check(experiment, data=False)
    assert [problem.message.partition(":")[0] for problem in refused.value.problems] == ["stage 'together'", "stage 'hearing'"]
    lines = [i for i, line in enumerate(path.read_text().splitlines(), 1) if "failing" in line]
    assert [problem.location.line for problem in refused.value.problems] == lines


def test_a_validated_stage_keeps_its_weights_twice_and_may_need_more_of_the_graph(tiny) -> None:
    metric = "{use: retrieval, in: [audio_z, video_z]}"
    plain = tiny("stages.pretrain=!delete", "stages.finetune.init=null", "stages.evaluate=!delete")
    validation = f"stages.finetune.validation={{evaluate_every: 1, data: labelled, metrics: {{pairs: {metric}}}}}"
    measured = tiny("stages.pretrain=!delete", "stages.finetune.init=null", "stages.evaluate=!delete", validation)
    before, after = check(plain, data=False), check(measured, data=False)
    assert after.stages["finetune"].cost.state - before.stages["finetune"].cost.state == 4 * before.parameters
    assert set(before.unused) - set(after.unused) == {"audio_z", "video_z"}


class Captures(Callback):
    def __init__(self, module: str) -> None:
        self.capture = [module]


@component("callback", "seeking")
@attrs.frozen(kw_only=True)
class Seeking:
    """Asks for a module."""

    module: str

    def build(self) -> Callback:
        return Captures(self.module)


def test_a_capture_of_nothing_is_refused_before_a_run(tiny) -> None:
    experiment = tiny()
    stage = experiment.stages["pretrain"]
    for module in ("encoder.blocks.0", "encoder.bloks.0"):
        entry = CallbackEntry(spec=Seeking(module=module))
        asking = attrs.evolve(experiment, stages={**experiment.stages, "pretrain": attrs.evolve(stage, callbacks=(entry,))})
        if module == "encoder.blocks.0":
            check(asking, data=False)
            continue
        with pytest.raises(ConfigError) as refused:
            check(asking, data=False)
        (problem,) = refused.value.problems
        assert "the callback 'seeking' of stage 'pretrain' asks for what is not there: no module" in problem.message
        assert problem.location == experiment.document.location(("stages", "pretrain", "callbacks", 0))
        assert "did you mean 'encoder.blocks.0'" in str(problem.hint)
