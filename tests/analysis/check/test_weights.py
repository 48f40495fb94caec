"""check: weights of earlier stages against the graphs that begin with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import save_file

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.core.graph.module import build_graph
from antifaz.registry import ConfigError


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data.paired_test.modalities.text.vocabulary=[a, b]"],
            "'pretrain' do not fit: the vocabulary has 6 ids, that of the weights",
        ),
        (["stages.retrieval.graph.text_tower.depth=3"], "'pretrain' do not fit: these weights belong to another graph"),
        (["stages.retrieval.graph.more={use: projection, in: space.video, width: 8}"], None),
    ],
)
def test_weights_of_an_earlier_stage_are_held_against_the_graph(plugins, overrides: list[str], message: str | None) -> None:
    experiment = read("vatt-tiny", plugins, overrides)
    if message is None:
        check(experiment, data=False)
        return
    with pytest.raises(ConfigError, match=message) as error:
        check(experiment, data=False)
    assert "vatt-tiny.yaml:" in str(error.value)


def test_the_weights_of_a_stage_are_held_against_the_data_of_its_validation(plugins) -> None:
    metric = "metrics: {found: {use: retrieval, in: [space.audio, space.video]}}"
    changes = [
        "data.val={split: paired_validation, samples: 64, modalities: {text: {candidates: 3, draw_from: 5}}}",
        f"stages.pretrain.validation={{evaluate_every: 1, data: val, {metric}}}",
    ]
    check(read("vatt-tiny", plugins, changes), data=False)
    changes.append("data.val.modalities.text.vocabulary=[a, b]")
    with pytest.raises(ConfigError, match="'pretrain' do not fit the data of its validation: the vocabulary has 6 ids") as error:
        check(read("vatt-tiny", plugins, changes), data=False)
    assert "stages.pretrain.validation=" in str(error.value)


def test_a_file_of_weights_is_held_against_the_graph(tiny, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    weights = build_graph(tiny().wiring).weights()
    save_file(weights, path)
    change = f"stages.pretrain.init={path}"
    assert check(tiny(change)).missing_files == ()
    save_file({name: value[:1] if name == "labels.maps.audio.weight" else value for name, value in weights.items()}, path)
    experiment = tiny(change)
    with pytest.raises(ConfigError, match=r"labels: maps.audio.weight is \[1, 16\], the graph wants \[16, 16\]") as error:
        check(experiment)
    assert error.value.problems[0].location == experiment.document.location(("stages", "pretrain", "init"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match="is not a safetensors file, or it is damaged"):
        check(tiny(change))
    path.unlink()
    assert [file.path for file in check(tiny(change)).missing_files] == [str(path)]
