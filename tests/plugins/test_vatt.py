"""VATT: parameters of the paper, DropToken, the common space, sharing. Axes: B batch, N tokens, W width."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from antifaz.analysis.check.report import check
from antifaz.analysis.cost import forward_flops
from antifaz.analysis.influence import verify
from antifaz.cli.commands.check import show
from antifaz.core.experiment import Experiment, read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.plugins.vatt.common_space import CommonSpaceMaps
from antifaz.plugins.vatt.drop_token import DropTokens, kept_tokens
from antifaz.plugins.vatt.spec import CommonSpace, DropToken
from antifaz.registry import ConfigError, Plugins, SpecError

HEAD = ["graph.labels={use: linear_heads, in: pooled, classes: 600}"]
BACKBONES = [("base", 87_446_016, 87_907_416), ("medium", 154_343_424, 154_958_424), ("large", 305_498_112, 306_113_112)]


@pytest.mark.parametrize(("size", "backbone", "with_head"), BACKBONES)
def test_parameters_are_those_of_the_paper(plugins: Plugins, size: str, backbone: int, with_head: int) -> None:
    for overrides, count in (([], backbone), (HEAD, with_head)):
        graph = build_graph(read(f"models/vatt-{size}", plugins, overrides).wiring, device="meta")
        assert sum(p.numel() for p in graph.parameters()) == count


@pytest.mark.parametrize("extending", [False, True])
def test_published_figures_are_not_compared_with_those_of_other_inputs(plugins: Plugins, tmp_path: Path, extending: bool) -> None:
    published = "published: {source: us, parameters: 1, note: why they differ}\n"
    (tmp_path / "base.yaml").write_text(SMALL + ("" if extending else published))
    (tmp_path / "top.yaml").write_text("name: top\nextends: base.yaml\n" + (published if extending else ""))

    def told(*overrides: str) -> str:
        experiment = read(tmp_path / "top.yaml", plugins, overrides)
        show(check(experiment), Console(file=(out := io.StringIO()), width=200))
        return out.getvalue().partition("published by ")[2]

    assert told().startswith("us: 1 parameters (+")
    assert "why they differ" in told()
    other = told("inputs.audio=[512]")
    assert other.startswith("us for other inputs, not compared: inputs.audio changed\n")
    assert "why they differ" not in other
    (tmp_path / "over.yaml").write_text("name: over\nextends: top.yaml\ninputs: {audio: [512]}\n")
    experiment = read(tmp_path / "over.yaml", plugins)
    show(check(experiment), Console(file=(out := io.StringIO()), width=200))
    assert "not compared: inputs.audio changed" in out.getvalue()


# DropToken

SMALL = """
name: small
inputs: {video: [3, 8, 32, 32], audio: [256]}
graph:
  video:  {use: tubelets, in: batch.video, patch: [4, 8, 8], width: 16, positions: separable}
  audio:  {use: waveform_patches, in: batch.audio, patch: 16, width: 16}
  kept:   {use: drop_token, in: [video, audio], rate: 0.5}
  agg:    {use: latents, tokens: 1, width: 16}
  tower:  {use: vit, in: [kept, agg], mask: joint, depth: 2, heads: 2}
  pooled: {use: mean_readout, in: {it: tower.agg}}
"""


@pytest.fixture
def small(plugins: Plugins, tmp_path: Path):
    def make(*overrides: str) -> Experiment:
        path = tmp_path / "small.yaml"
        path.write_text(SMALL)
        return read(path, plugins, overrides)

    return make


def seen_by_tower(graph: Graph, batch: dict[str, Features]) -> dict[str, Tokens]:
    """What arrives at the backbone."""
    arrived: dict[str, Tokens] = {}
    handle = graph.get_submodule("tower").register_forward_pre_hook(lambda module, arguments: arrived.update(arguments[0]))
    graph(batch, ["pooled"])
    handle.remove()
    return arrived


def test_half_of_the_tokens_are_counted_in_training_and_all_of_them_in_evaluation(small) -> None:
    wiring = small().wiring
    graph, batch = build_graph(wiring), fake_batch(wiring.inputs, 2)
    full = {"video": 32, "audio": 16, "agg": 1}
    assert {n: t.values.shape[1] for n, t in seen_by_tower(graph.train(), batch).items()} == {"video": 16, "audio": 8, "agg": 1}
    assert {n: t.values.shape[1] for n, t in seen_by_tower(graph.eval(), batch).items()} == full
    assert (kept_tokens(1568, 0.5), kept_tokens(1200, 0.5), kept_tokens(3, 0.99)) == (784, 600, 1)


def test_evaluation_is_that_of_a_graph_that_never_drops(small) -> None:
    with_drop, without = small().wiring, small("graph.kept.rate=0").wiring
    batch = fake_batch(with_drop.inputs, 2)
    answers = [build_graph(wiring).eval()(batch, ["pooled"])["pooled.it"].values for wiring in (with_drop, without)]
    assert torch.equal(*answers)
    meta = fake_batch(with_drop.inputs, 1, "meta")
    first, second = (forward_flops(build_graph(w, device="meta"), meta, ["pooled"]) for w in (with_drop, without))
    assert first == second


def thinned(draw: str, values: Tensor, **given: Tensor) -> Tokens:
    module = DropToken(rate=0.5, draw=draw).build({"it": Stream("it", values.shape[2], (values.shape[1],))}).train()
    torch.manual_seed(0)
    return module({"it": Tokens(values, (values.shape[1],), **given)})["it"]


@pytest.mark.parametrize(("draw", "sets"), [("batch", 1), ("sample", 8)])
def test_index_says_which_tokens_are_left(draw: str, sets: int) -> None:
    values_BNW = torch.arange(8 * 40 * 2.0).view(8, 40, 2)
    valid_BN = torch.arange(40)[None] < torch.arange(10, 18)[:, None]
    left = thinned(draw, values_BNW, valid=valid_BN)
    assert left.index is not None
    assert left.values.shape == (8, 20, 2)
    assert left.grid == (40,)
    assert (left.index.diff(dim=1) > 0).all()
    assert len({tuple(row) for row in left.index.tolist()}) == sets
    for b in range(8):
        assert torch.equal(left.values[b], values_BNW[b, left.index[b]])
        assert torch.equal(left.valid[b], valid_BN[b, left.index[b]])


def test_tokens_that_were_thinned_before_keep_their_cells() -> None:
    cells = torch.arange(1, 41, 2)[None].expand(2, -1)
    left = thinned("batch", torch.zeros(2, 20, 3), index=cells)
    assert left.index is not None
    assert left.index.shape == (2, 10)
    assert (left.index % 2 == 1).all()
    assert left.index.max() > 20


def test_every_token_has_its_turn() -> None:
    module = DropTokens(0.75, per_sample=True).train()
    torch.manual_seed(0)
    left = module({"it": Tokens(torch.zeros(400, 8, 1), (8,))})["it"]
    assert left.index is not None
    shares = left.index.flatten().bincount(minlength=8) / 400
    assert shares.min() > 0.25 - 0.08
    assert shares.max() < 0.25 + 0.08


# The common space

GIVEN = {"video": Shape((6,)), "audio": Shape((5,)), "text": Shape((2, 4))}


def space(variant: str) -> CommonSpaceMaps:
    return CommonSpace(variant=variant, width=8, text_width=3).build(GIVEN)


def batch_norm(x: Tensor) -> Tensor:
    return (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()


@pytest.mark.parametrize("variant", ["paper", "code"])
def test_the_maps_are_those_of_the_variant(variant: str) -> None:
    torch.manual_seed(0)
    module = space(variant).double().train()
    given = {name: torch.randn(7, *shape.dims, dtype=torch.float64) for name, shape in GIVEN.items()}
    found = {name: value.values for name, value in module({n: Features(v) for n, v in given.items()}).items()}
    weights = module.state_dict()
    hidden = torch.relu(batch_norm(given["video"] @ weights["video_hidden.linear.weight"].T))
    video = batch_norm(hidden @ weights["video.linear.weight"].T)
    expected = {"video": video}
    if variant == "paper":
        expected["video_text"] = batch_norm(video @ weights["video_text.linear.weight"].T)
        expected["audio"] = batch_norm(given["audio"] @ weights["audio.linear.weight"].T)
        expected["text"] = batch_norm((given["text"] @ weights["text.linear.weight"].T).flatten(0, 1)).unflatten(0, (7, 2))
    else:
        expected["video_text"] = batch_norm(torch.relu(video) @ weights["video_text.linear.weight"].T)
        expected["audio"] = given["audio"] @ weights["audio.weight"].T + weights["audio.bias"]
        expected["text"] = given["text"] @ weights["text.weight"].T + weights["text.bias"]
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, rtol=0, atol=1e-9)


def test_only_the_sentences_that_are_there_are_counted() -> None:
    torch.manual_seed(0)
    module = space("paper").double().train()
    text = torch.randn(5, 2, 4, dtype=torch.float64)
    there = torch.tensor([[True, False], [True, True], [False, False], [True, True], [False, True]])
    results = []
    for junk in (0.0, 1e6):
        given = {"text": Features(torch.where(there[..., None], text, junk), there)}
        results.append(module(given)["text"])
    mapped = text @ module.state_dict()["text.linear.weight"].T
    torch.testing.assert_close(results[0].values[there], batch_norm(mapped[there]), rtol=0, atol=1e-9)
    assert torch.equal(results[0].values[there], results[1].values[there])
    assert torch.equal(results[0].valid, there)


def test_running_averages_move_by_a_tenth() -> None:
    module = space("paper").double().train()
    video = torch.randn(64, 6, dtype=torch.float64)
    module({"video": Features(video)})
    mapped = video @ module.state_dict()["video_hidden.linear.weight"].T
    torch.testing.assert_close(module.video_hidden.norm.mean, 0.1 * mapped.mean(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"audio": Shape((4,))}, "video is missing"),
        ({"video": Shape((4,)), "touch": Shape((4,))}, "it does not know 'touch'"),
        ({"video": Shape((3, 4))}, "'video' is not a feature vector"),
    ],
)
def test_what_does_not_fit_the_common_space_is_refused(given: dict[str, Shape], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        CommonSpace().outputs(given)


# Positions


def test_positions_of_another_grid_are_resampled_axis_by_axis(small) -> None:
    graph = build_graph(small().wiring)
    larger = small("inputs.video=[3, 8, 64, 64]", "inputs.audio=[512]")
    other = build_graph(larger.wiring)
    said = other.load_weights(graph.weights())
    assert sorted(line.split(" from ")[0] for line in said) == [
        "adapted audio.positions.axes.0",
        "adapted video.positions.axes.1",
        "adapted video.positions.axes.2",
    ]
    tables = other.get_submodule("video.positions").axes
    assert [len(table) for table in tables] == [2, 8, 8]
    assert torch.equal(tables[0], graph.get_submodule("video.positions").axes[0])


def test_a_place_has_the_normed_sum_of_its_indices(small) -> None:
    positions = build_graph(small().wiring).get_submodule("video.positions")
    table = positions()
    assert table.shape == (2, 4, 4, 16)
    time, height, width = positions.axes
    expected = torch.nn.functional.layer_norm(time[1] + height[2] + width[3], (16,), eps=1e-6)
    torch.testing.assert_close(table[1, 2, 3], expected)


def test_a_picture_that_is_repeated_is_a_clip_that_stands_still(plugins: Plugins, tmp_path: Path) -> None:
    path = tmp_path / "picture.yaml"
    path.write_text(
        "name: p\ninputs: {image: [3, 1, 8, 8]}\n"
        "graph:\n  it: {use: tubelets, in: batch.image, patch: [4, 4, 4], width: 8, repeat: 4, positions: separable_plain}\n"
    )
    picture = build_graph(read(path, plugins).wiring)
    clip = build_graph(read(path, plugins, ["inputs.image=[3, 4, 8, 8]", "graph.it.repeat=1"]).wiring)
    clip.load_weights(picture.weights())
    image = torch.randn(2, 3, 1, 8, 8)
    found = [g({"image": Features(x)}, ["it"])["it"].values for g, x in ((picture, image), (clip, image.expand(-1, -1, 4, -1, -1)))]
    assert torch.equal(*found)


# Whole models


@pytest.mark.slow
@pytest.mark.parametrize(("name", "count"), [("bbs", 193_909_504), ("mbs", 260_937_984), ("lbs", 412_092_672), ("ma", 157_724_160)])
def test_models_of_three_modalities(plugins: Plugins, name: str, count: int) -> None:
    assert check(read(f"models/vatt-{name}", plugins)).parameters == count


SHARED = """
name: shared
inputs: {video: [3, 4, 8, 8], audio: [64], text: {shape: [2, 5], vocab_size: 9}}
graph:
  video:       {use: tubelets, in: batch.video, patch: [4, 4, 4], width: 16, positions: separable}
  video_agg:   {use: latents, tokens: 1, width: 16}
  video_tower: {use: vit, in: [video, video_agg], share: text_tower, mask: joint, depth: 2, heads: 2}
  audio:       {use: waveform_patches, in: batch.audio, patch: 16, width: 16}
  audio_agg:   {use: latents, tokens: 1, width: 16}
  audio_tower: {use: vit, in: [audio, audio_agg], share: text_tower, mask: joint, depth: 2, heads: 2}
  text:        {use: token_embedding, in: batch.text, batch_axes: 2, width: 16, positions: none}
  text_agg:    {use: latents, tokens: 1, width: 16}
  text_tower:  {use: vit, in: [text, text_agg], batch_axes: 2, mask: joint, depth: 2, heads: 2, relative_positions: [text]}
  pooled:      {use: mean_readout, in: {video: video_tower.video_agg, audio: audio_tower.audio_agg}}
  sentences:   {use: mean_readout, in: {text: text_tower.text_agg}, batch_axes: 2}
  space:       {use: common_space, in: {video: pooled.video, audio: pooled.audio, text: sentences.text}, width: 8, text_width: 4}
pure: {space.video: [video], space.audio: [audio], space.video_text: [video], space.text: [text]}
"""


@pytest.fixture
def shared(plugins: Plugins, tmp_path: Path):
    def make(*overrides: str) -> Experiment:
        path = tmp_path / "shared.yaml"
        path.write_text(SHARED)
        return read(path, plugins, overrides)

    return make


def test_one_transformer_serves_three_modalities(shared) -> None:
    graph = build_graph(shared().wiring)
    owner = dict(graph.get_submodule("text_tower").named_parameters())
    assert "relative_positions.bias" in owner
    for tower in ("video_tower", "audio_tower"):
        own = dict(graph.get_submodule(tower).named_parameters())
        assert own.keys() == owner.keys() - {"relative_positions.bias"}
        assert all(parameter is owner[name] for name, parameter in own.items())
    assert not any(name.startswith(("video_tower.", "audio_tower.")) for name in graph.weights())


def test_a_node_with_weights_that_the_owner_lacks_cannot_share(shared) -> None:
    experiment = shared("graph.text_tower.relative_positions=[]", "graph.audio_tower.relative_positions=[audio]")
    with pytest.raises(ConfigError, match=r"these parameters differ: relative_positions\.bias"):
        build_graph(experiment.wiring)


def test_modalities_do_not_meet_before_the_losses(shared) -> None:
    assert verify(shared()).ok


def test_samples_without_text_say_so(shared) -> None:
    experiment = shared()
    graph = build_graph(experiment.wiring).eval()
    batch = fake_batch(experiment.wiring.inputs, 3)
    there = torch.tensor([[True, False], [False, False], [True, True]])
    words = torch.where(there[..., None], batch["text"].values.clamp(min=4), 0)
    found = graph({**batch, "text": Features(words, there)}, ["space.text", "space.video_text"])
    assert torch.equal(found["space.text"].presence(), there)
    assert found["space.video_text"].presence().all()
    assert found["space.text"].values.shape == (3, 2, 4)


def test_the_common_space_counts_only_what_there_is(shared) -> None:
    """A token that pools a sample without the modality is made of nothing: batch norm must not see it."""
    experiment = shared()
    torch.manual_seed(0)
    batch = fake_batch(experiment.wiring.inputs, 4)
    there, spoken = (
        torch.tensor([True, True, True, False]),
        torch.tensor([[True, True], [True, False], [False, False], [False, True]]),
    )
    words = torch.where(spoken[..., None], batch["text"].values.clamp(min=4), 0)
    some = {"video": Features(batch["video"].values, there), "audio": batch["audio"], "text": Features(words, spoken)}
    arrived: dict[str, Tensor] = {}
    graph = build_graph(experiment.wiring).train()
    for name in ("video_hidden", "text"):
        norm = graph.get_submodule(f"space.{name}.norm")
        norm.register_forward_pre_hook(lambda module, given, name=name: arrived.update({name: given[1]}))
    graph(some, ["space"])
    assert arrived["video_hidden"].tolist() == there.tolist()
    assert arrived["text"].tolist() == spoken.flatten().tolist()


def test_pre_trained_towers_start_a_video_classifier(shared, plugins: Plugins, tmp_path: Path) -> None:
    pretrained = build_graph(shared("graph.video_tower.share=!delete").wiring)
    path = tmp_path / "classifier.yaml"
    path.write_text(
        """
name: classifier
inputs: {video: [3, 8, 16, 16]}
graph:
  video:       {use: tubelets, in: batch.video, patch: [4, 4, 4], width: 16, positions: separable}
  video_agg:   {use: latents, tokens: 1, width: 16}
  video_tower: {use: vit, in: [video, video_agg], mask: joint, depth: 2, heads: 2}
  pooled:      {use: mean_readout, in: {video: video_tower.video_agg}}
  labels:      {use: linear_heads, in: pooled, classes: 3}
"""
    )
    graph = build_graph(read(path, plugins).wiring, seed=1)
    said = graph.load_weights(pretrained.weights(), ["video", "video_agg", "video_tower"])
    assert len(said) == 3  # a table for each axis
    mine, theirs = graph.weights(), pretrained.weights()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine if name.startswith(("video_agg.", "video_tower.")))


@pytest.mark.slow
def test_vatt_tiny_finds_clips_by_what_is_said_of_them(tmp_path: Path) -> None:
    antifaz = Path(sys.executable).with_name("antifaz")
    subprocess.run([antifaz, "run", "vatt-tiny"], cwd=tmp_path, check=True, timeout=1800)
    results = json.loads((tmp_path / "runs/vatt-tiny/results.json").read_text())
    pairs = results["retrieval"]["query: text | gallery: video"]["text_to_video"]
    assert pairs["gallery"] >= 256
    assert pairs["forward_R@10"] >= 5 * pairs["chance@10"]
