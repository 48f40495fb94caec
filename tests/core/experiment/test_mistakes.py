"""Mistakes in configs: all at once, each located, each with what was probably meant; never a traceback."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from antifaz.analysis.check.report import check
from antifaz.cli.app import main as antifaz
from antifaz.configs import shipped, shipped_names
from antifaz.core.experiment.reader import read
from antifaz.registry import ConfigError, Plugins, load_document
from tests.support.mutations import mutant

BASE = """\
name: ten
data:
  paired:
    use: shapes_and_sounds
    split: paired
    samples: 64
    batch_size: sixty
    clip: {seconds: 2.0}
    modalities:
      video: {use: frames, fps: 8, size: 64}
      audio: {use: log_mel, sample_rate: 16000, bins: 64, hop: 0.015625}
graph:
  video:   {use: tublets, in: batch.video, patch: [8, 16, 16], width: 64}
  audio:   {use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: 64}
  audio:   {use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: 64}
"""
MIDDLE = """\
extends: base.yaml
graph:
  wide:    {use: latents, tokens: 4, width: 48}
  fusion:  {use: latents, tokns: 4, width: 64}
  encoder: {use: vit, in: [audio, wide], mask: zorro, depth: 4, heads: 2}
  first:   {use: vit, in: second, mask: joint, depth: 1, heads: 2}
  second:  {use: vit, in: first, mask: joint, depth: 1, heads: 2}
  third:   {use: vit, in: fusoin, mask: joint, depth: 1, heads: 2}
"""
TOP = """\
extends: middle.yaml
stages:
  pretrain:
    task: train
    data: paired
    steps: 4
    objectives:
      av: {use: info_nce, in: [audio, audoi]}
  finish:
    task: trian
    data: paired
"""
EXPECTED = {
    "wrong type": ('base.yaml:7:17: `batch_size` must be an integer, not the text "sixty"', ""),
    "unknown component": ("base.yaml:13:18: unknown graph node 'tublets'", "did you mean 'tubelets'?"),
    "duplicate key": ("base.yaml:15:3: duplicate key 'audio'", "the first one is at base.yaml:14:3"),
    "missing key": ("middle.yaml:4:12: the key 'tokens' of the graph node 'latents' is missing", "add `tokens:`"),
    "misspelt key": ("middle.yaml:4:27: unknown key 'tokns' of the graph node 'latents'", "did you mean 'tokens'?"),
    "width mismatch": ("middle.yaml:5:27: all streams need one width, these differ: audio 64, wide 48", "the same `width`"),
    "cycle": ("middle.yaml:6:27: the nodes form a cycle: first <- second <- first", "cut an edge"),
    "unknown reference": ("middle.yaml:8:27: unknown node 'fusoin'", "did you mean 'fusion'?"),
    "missing section": ("top.yaml:4:5: the key 'optimizer' is missing", "add `optimizer:`"),
    "objective without its node": ("top.yaml:8:39: unknown node 'audoi'", "did you mean 'audio'?"),
    "unknown task": ("top.yaml:10:11: unknown task 'trian'", "did you mean 'train'?"),
    "command line": ("command line: graph.third.dpth=3: unknown key 'dpth'", "did you mean 'depth'?"),
}


@pytest.fixture
def spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("base", BASE), ("middle", MIDDLE), ("top", TOP)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path / "top.yaml"


def test_every_mistake_in_one_report(spread: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve mistakes of different kinds, in three files and on the command line; nothing else is said."""
    monkeypatch.setattr("sys.argv", ["antifaz", "check", spread.name, "graph.third.dpth=3"])
    with pytest.raises(SystemExit) as stop:
        antifaz()
    assert stop.value.code == 2
    report = capsys.readouterr().err
    assert "Traceback" not in report
    found = dict(re.findall(r"^(\S.*: .+)\n((?:    .*\n)?)", report, re.MULTILINE))
    for message, advice in EXPECTED.values():
        (said,) = [line for line in found if line.startswith(message)]
        assert advice in found[said]
    assert report.rstrip().endswith(f"{len(EXPECTED)} problems found.")


def test_a_key_that_was_lost_with_a_former_use_is_told(tiny_config: Path, plugins: Plugins, tmp_path: Path) -> None:
    lost = "it stood beside the former `use`, and what changes `use` drops all keys beside it"
    with pytest.raises(ConfigError) as refused:
        read(tiny_config, plugins, ["stages.finetune.objectives.labels.use=masked_error"])
    (said,) = refused.value.problems
    assert said.message.startswith("the key 'in'")
    assert said.hint is not None
    assert said.hint.endswith(lost)

    path = tmp_path / "over.yaml"
    path.write_text(f"extends: {tiny_config}\ngraph:\n  audio: {{use: latents}}\n")
    with pytest.raises(ConfigError) as refused:
        read(path, plugins, ["graph.audio.std=0.1"])
    told = {problem.message.partition(" of ")[0]: (problem.hint or "").endswith(lost) for problem in refused.value.problems}
    assert told["the key 'width'"]
    assert not told["the key 'tokens'"]


SCALARS = """\
name: no
seed: {seed}
inputs: {{audio: [64, 128]}}
graph:
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [64, 8], width: {width}}}
  more:  {{use: latents, tokens: 2, width: 64, std: {std}}}
"""


def test_scalars_are_those_of_yaml_1_2(plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "scalars.yaml"
    path.write_text(SCALARS.format(seed=7, width=64, std="3e-4"))
    experiment = read(path, plugins)
    assert experiment.name == "no"
    assert experiment.wiring.nodes["more"].plan.spec.std == 3e-4
    for wrong, message in ({"seed": 4.5}, "not 4.5"), ({"width": '"16"'}, 'not the text "16"'), ({"width": "true"}, "not true"):
        path.write_text(SCALARS.format(**{"seed": 7, "width": 64, "std": 0.02, **wrong}))
        with pytest.raises(ConfigError, match=message):
            read(path, plugins)


def outcomes(plugins: Plugins, folder: Path, seeds: range, check_every: int) -> dict[str, int]:
    """Reads mutants of all shipped configs; of the valid ones, every n-th is built and counted too."""
    texts = {name: path.read_text() for name in shipped_names() if (path := shipped(name)) is not None}
    trees = {name: load_document(name, find=shipped).data for name in texts}
    names = sorted(texts)
    path = folder / "mutant.yaml"
    found = {"valid": 0, "refused": 0}
    for seed in seeds:
        name = names[seed % len(names)]
        text = mutant(texts[name], trees[name], seed)
        path.write_text(text, encoding="utf-8")
        begin = time.process_time()  # a machine that is busy with other things is no hang
        try:
            experiment = read(path, plugins)
            found["valid"] += 1
            if found["valid"] % check_every == 0:
                check(experiment, data=False)
        except ConfigError as error:
            found["refused"] += 1
            unlocated = [p for p in error.problems if not p.location.line]
            if unlocated:
                raise AssertionError(f"mutant {seed} of {name}: {unlocated}\n{text}") from error
        except Exception as error:
            raise AssertionError(f"mutant {seed} of {name}: {error!r}\n{text}") from error
        assert time.process_time() - begin < 10, f"mutant {seed} of {name} took too long"
    return found


def test_mutants_are_valid_or_refused_with_a_place(plugins: Plugins, tmp_path: Path) -> None:
    found = outcomes(plugins, tmp_path, range(300), check_every=8)
    assert min(found.values()) > 30


@pytest.mark.slow
def test_five_thousand_mutants(plugins: Plugins, tmp_path: Path) -> None:
    found = outcomes(plugins, tmp_path, range(1000, 6000), check_every=4)
    assert sum(found.values()) >= 5000
