"""check: weights of earlier stages against the graphs that begin with them."""

from __future__ import annotations

import pytest

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
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
