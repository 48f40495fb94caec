"""FLOP conventions: VATT's tables, printed figures against the true count and the count by the paper's convention."""

from __future__ import annotations

from pathlib import Path

import pytest
from flop_conventions import CONVENTIONS, node_flops

from antifaz.analysis.cost import counting
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.registry import Plugins

VATT = CONVENTIONS["vatt-paper"]
CLIP = "inputs.video=[3, 32, 320, 320]"
VIEWS = 12


def flops_of(plugins: Plugins, size: str, convention: str | None = None) -> int:
    """FLOPs of a VATT backbone for one view of the paper's size."""
    return sum(node_flops(read(f"models/vatt-{size}", plugins, [CLIP]).wiring, convention).values())


def published(*cases: tuple[object, ...]) -> list[object]:
    """Cases of which the base size runs always and the others among the slow tests."""
    return [case if case[0] == "base" else pytest.param(*case, marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize(
    ("size", "printed", "true"), published(("base", 9.09, 11.24), ("medium", 15.02, 17.89), ("large", 29.80, 35.53))
)
def test_twelve_views_cost_what_the_paper_prints(plugins: Plugins, size: str, printed: float, true: float) -> None:
    assert VIEWS * flops_of(plugins, size, "vatt-paper") / 1e12 == pytest.approx(printed, rel=5e-3)
    assert VIEWS * flops_of(plugins, size) / 1e12 == pytest.approx(true, abs=5e-3)


@pytest.mark.parametrize(
    ("size", "d", "layers", "h"), published(("base", 768, 12, 12), ("medium", 1024, 12, 16), ("large", 1024, 24, 16))
)
def test_the_convention_is_its_formula(plugins: Plugins, size: str, d: int, layers: int, h: int) -> None:
    n = 3201
    formula = 2 * 3200 * 3072 * d + layers * (24 * n * d**2 + 2 * n**2 * d) + layers * (6 * n**2 * h + 45 * n * d)
    assert flops_of(plugins, size, "vatt-paper") == formula


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frames", "side", "rate", "printed"),
    [
        (32, 224, 0.0, 548.1),
        (64, 224, 0.0, 1222.1),
        (32, 320, 0.0, 1252.3),
        (32, 320, 0.25, 898.9),
        (32, 320, 0.5, 572.5),
        (32, 320, 0.75, 279.8),
    ],
)
def test_fine_tuning_costs_what_the_paper_prints(plugins: Plugins, frames: int, side: int, rate: float, printed: float) -> None:
    kept = f"graph.kept={{use: drop_token, in: video, rate: {rate}}}"
    clip = f"inputs.video=[3, {frames}, {side}, {side}]"
    experiment = read("models/vatt-medium", plugins, [clip, kept, "graph.tower.in=[kept, agg]"])
    graph = build_graph(experiment.wiring, device="meta").train()
    with counting(VATT) as counter:
        graph(fake_batch(experiment.wiring.inputs, 1, "meta"), ["pooled"])
    assert counter.get_total_flops() / 1e9 == pytest.approx(printed, rel=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "printed"), [(0.75, 188.1), (0.5, 375.4), (0.25, 574.2), (0.0, 784.8)])
def test_pre_training_costs_what_the_paper_prints(plugins: Plugins, rate: float, printed: float) -> None:
    """The three towers of VATT-MBS on a clip with five sentences; the paper does not say how many it counted."""
    rates = [f"graph.{stream}_kept.rate={rate}" for stream in ("video", "audio")]
    experiment = read("models/vatt-mbs", plugins, rates)
    graph = build_graph(experiment.wiring, device="meta").train()
    with counting(VATT) as counter:
        graph(fake_batch(experiment.wiring.inputs, 1, "meta"), ["space"])
    assert counter.get_total_flops() / 1e9 == pytest.approx(printed, rel=7e-3)


SMALL = """
name: small
inputs: {video: [3, 8, 32, 32]}
graph:
  video:  {use: tubelets, in: batch.video, patch: [4, 8, 8], width: 16}
  tower:  {use: vit, in: video, mask: joint, depth: 2, heads: 2}
  pooled: {use: mean_readout, in: tower}
"""


def test_only_attention_counts_otherwise_by_the_convention(plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    wiring = read(path, plugins).wiring
    true, vatt = node_flops(wiring), node_flops(wiring, "vatt-paper")
    assert [name for name in true if true[name] != vatt[name]] == ["tower"]
    tokens, width, heads, depth = 32, 16, 2, 2
    attention = depth * (6 * tokens**2 * heads + 45 * tokens * width + 2 * tokens**2 * width)
    assert vatt["tower"] - true["tower"] == attention - depth * 4 * tokens**2 * width
