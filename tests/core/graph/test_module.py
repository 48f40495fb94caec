"""The graph: purity bit for bit, pruning, sharing, presence."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import reduce
from antifaz.core.tokens import Features
from antifaz.engine.training.model import TrainingModel
from antifaz.registry import ConfigError, SpecError


@pytest.fixture(scope="module")
def quickstart(plugins):
    experiment = read("quickstart", plugins)
    graph = build_graph(experiment.wiring).eval()
    torch.manual_seed(0)
    shapes = {name: experiment.wiring.inputs[name] for name in ("audio", "video")}
    return graph, fake_batch(shapes, 8)


@pytest.mark.parametrize("modality", ["audio", "video"])
def test_one_modality_alone_gives_the_same_bits(quickstart, modality: str) -> None:
    graph, batch = quickstart
    outputs = [f"labels.{modality}", f"{modality}_z", f"pooled.{modality}"]
    with torch.no_grad():
        both = graph(batch, outputs)
        alone = graph({modality: batch[modality]}, outputs)
        whole = graph(batch, list(graph.wiring.nodes))
    for output in outputs:
        assert torch.equal(both[output].values, alone[output].values)
        assert torch.equal(both[output].values, whole[output].values)


def test_asking_for_audio_runs_the_audio_stream_alone(quickstart) -> None:
    graph, batch = quickstart
    called: list[str] = []
    hooks = [getattr(graph, name).register_forward_hook(lambda m, i, o, n=name: called.append(n)) for name in graph.wiring.nodes]
    rows: list[int] = []
    hooks.append(graph.encoder.blocks[0].mlp.up.register_forward_hook(lambda m, i, o: rows.append(i[0].shape[1])))
    with FlopCounterMode(display=False) as asked:
        graph(batch, ["labels.audio"])
    assert called == ["audio", "encoder", "pooled", "labels"]
    assert rows == [16]
    with FlopCounterMode(display=False) as alone:
        graph({"audio": batch["audio"]}, ["labels.audio"])
    with FlopCounterMode(display=False) as everything:
        graph(batch, ["labels"])
    for hook in hooks:
        hook.remove()
    assert asked.get_total_flops() == alone.get_total_flops() < everything.get_total_flops() / 2


def test_outputs_without_their_modality_are_left_out(quickstart) -> None:
    graph, batch = quickstart
    with torch.no_grad():
        answers = graph({"audio": batch["audio"]}, ["labels"])
    assert set(answers) == {"labels.audio", "labels.fusion", "labels.global"}


def test_absent_samples_have_no_influence(tiny) -> None:
    """Some samples lack sound, some lack pictures: what stands in their place gets a gradient of exactly zero."""
    experiment = tiny()
    wiring = experiment.wirings["finetune"]
    graph = build_graph(wiring).double()
    model = TrainingModel(graph, experiment.sinks["finetune"]).double().train()
    torch.manual_seed(0)
    batch = fake_batch(wiring.inputs, 6, dtype=torch.float64)
    valid = {"audio": torch.tensor([1, 1, 0, 0, 1, 0]).bool(), "video": torch.tensor([1, 0, 1, 0, 1, 1]).bool()}
    leaves = {name: batch[name].values.clone().requires_grad_() for name in valid}
    entries = {**batch, **{name: Features(leaf, valid[name]) for name, leaf in leaves.items()}}
    local, values = reduce(model(entries), {"labels": 1.0})
    gradients = dict(zip(leaves, torch.autograd.grad(local, list(leaves.values())), strict=True))
    assert torch.isfinite(values["loss"])
    for name, mask in valid.items():
        assert (gradients[name][~mask] == 0).all()
        assert all((gradients[name][i] != 0).any() for i in range(6) if mask[i])


def test_pairs_that_do_not_exist_do_not_count(tiny) -> None:
    experiment = tiny("graph.encoder.dropout=0.0")
    wiring = experiment.wirings["pretrain"]
    model = TrainingModel(build_graph(wiring).double(), experiment.sinks["pretrain"]).double()
    torch.manual_seed(0)
    batch = fake_batch({n: wiring.inputs[n] for n in ("audio", "video")}, 6, dtype=torch.float64)
    mask = torch.tensor([1, 0, 1, 0, 1, 1]).bool()
    partial, _ = reduce(model({**batch, "audio": Features(batch["audio"].values, mask)}), {"av": 1.0})
    kept, _ = reduce(model({name: Features(entry.values[mask]) for name, entry in batch.items()}), {"av": 1.0})
    torch.testing.assert_close(partial, kept, rtol=1e-12, atol=0)


SHARED = """
name: shared
inputs: {a: [8, 8], b: [8, 8]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8}
  b: {use: spectrogram_patches, in: batch.b, patch: [4, 4], width: 8}
  one: {use: vit, in: a, mask: joint, depth: 1, heads: 2}
  two: {share: one, in: b}
  x: {use: query_readout, in: one, mask: joint, global_query: false}
  y: {use: query_readout, in: two, mask: joint, global_query: false, tie: {attention.out.weight: x.attention.out.weight}}
"""


@pytest.fixture
def config(tmp_path):
    def write(text: str):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write


def test_shared_and_tied_weights_are_one_tensor_stored_once(config, plugins) -> None:
    graph = build_graph(read(config(SHARED), plugins).wiring)
    assert graph.one.norm.weight is graph.two.norm.weight
    assert graph.x.attention.out.weight is graph.y.attention.out.weight
    weights = graph.weights()
    assert not any(name.startswith("two.") for name in weights)
    assert "y.attention.out.weight" not in weights
    other = build_graph(read(config(SHARED), plugins).wiring, seed=1)
    other.load_weights(weights)
    assert all(torch.equal(a, b) for a, b in zip(graph.state_dict().values(), other.state_dict().values(), strict=True))


def test_weights_of_another_graph_are_refused_whole(config, plugins) -> None:
    graph = build_graph(read(config(SHARED), plugins).wiring)
    before = {name: value.clone() for name, value in graph.state_dict().items()}
    weights = {**graph.weights(), "one.norm.wight": torch.zeros(8)}
    weights["one.norm.weight"] = torch.zeros(9)
    del weights["x.queries.a"]
    with pytest.raises(SpecError) as refused:
        graph.load_weights(weights)
    for word in ("x: missing: queries.a", "one: unknown: norm.wight; did you mean 'norm.weight'?", "one: norm.weight is [9]"):
        assert word in str(refused.value)
    assert all(torch.equal(before[name], value) for name, value in graph.state_dict().items())


def test_folded_axes_equal_separate_calls(config, plugins) -> None:
    text = """
name: folded
inputs: {a: [3, 8, 8]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8, batch_axes: 2}
  e: {use: vit, in: a, mask: joint, depth: 1, heads: 2, batch_axes: 2}
  r: {use: query_readout, in: e, mask: joint, global_query: false, batch_axes: 2}
"""
    graph = build_graph(read(config(text), plugins).wiring).double()
    a = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    whole = graph({"a": Features(a)}, ["r"])["r.a"].values
    assert whole.shape == (2, 3, 8)
    for i in range(3):
        single = graph.r(graph.e({"a": graph.a(a[:, i])}))["a"].values
        torch.testing.assert_close(whole[:, i], single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  z: {use: vit, in: a, mask: joint, depth: 1, heads: 3}", "3 heads do not divide the width 8"),
        ("  z: {use: vit, in: onne, mask: joint, depth: 1, heads: 2}", "did you mean 'one'"),
        ("  z: {use: linear_heads, in: one, classes: 3}", "put a readout before it"),
        ("  z: {share: nobody, in: a}", "unknown node 'nobody'"),
        (
            "  p: {use: vit, in: q, mask: joint, depth: 1, heads: 2}\n  q: {use: vit, in: p, mask: joint, depth: 1, heads: 2}",
            "cycle",
        ),
    ],
)
def test_mistakes_are_located(config, plugins, text: str, message: str) -> None:
    path = config(SHARED + text + "\n")
    with pytest.raises(ConfigError) as refused:
        read(path, plugins)
    assert message in str(refused.value)
    assert all(p.location.line >= 11 for p in refused.value.problems)


def test_every_mistake_is_in_one_report(config, plugins) -> None:
    broken = """
name: broken
seeed: 1
inputs: {a: [8, 8]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4.5], width: 8}
  b: {use: spectogram_patches, in: batch.a, patch: [4, 4], width: 8}
  e: {use: vit, in: [a, b], mask: joint, depht: 1, heads: 2}
  l: {use: latents, tokens: "4", width: 8}
  l: {use: latents, tokens: 4, width: 8}
stages:
  s: {task: trian}
"""
    with pytest.raises(ConfigError) as refused:
        read(config(broken), plugins)
    text = str(refused.value)
    expected = ("'seed'", "not 4.5", "'spectrogram_patches'", "'depth'", 'the text "4"', "'train'")
    assert all(word in text for word in expected), text
    assert "twice" in text or "duplicate" in text.lower() or "again" in text, text


def test_folded_axes_with_an_absent_sample(config, plugins) -> None:
    text = """
name: folded
inputs: {a: [3, 8, 8]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8, batch_axes: 2}
  r: {use: query_readout, in: a, mask: joint, global_query: false, batch_axes: 2}
"""
    graph = build_graph(read(config(text), plugins).wiring).double().eval()
    a = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    found = graph({"a": Features(a, torch.tensor([True, False]))}, ["r"])["r.a"]
    assert found.valid.tolist() == [[True] * 3, [False] * 3]
    torch.testing.assert_close(found.values[:1], graph({"a": Features(a[:1])}, ["r"])["r.a"].values, rtol=1e-12, atol=1e-12)


def test_latents_are_the_same_in_every_entry_of_folded_axes(config, plugins) -> None:
    text = """
name: folded
inputs: {a: [3, 8, 8]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8, batch_axes: 2}
  l: {use: latents, tokens: 2, width: 8}
  e: {use: vit, in: [l, a], mask: joint, depth: 1, heads: 2, batch_axes: 2}
  r: {use: query_readout, in: e, mask: joint, global_query: false, batch_axes: 2}
"""
    graph = build_graph(read(config(text), plugins).wiring).double()
    a = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    found = graph({"a": Features(a)}, ["r"])
    for i in range(3):
        single = graph.r(graph.e({"a": graph.a(a[:, i]), "l": graph.l(2)}))
        for name in ("a", "l"):
            torch.testing.assert_close(found[f"r.{name}"].values[:, i], single[name].values, rtol=1e-12, atol=1e-12)


def test_latents_alone_are_no_answer(quickstart) -> None:
    graph, batch = quickstart
    some = torch.tensor([True] * 3 + [False] * 5)
    found = graph({"audio": Features(batch["audio"].values, some)}, ["labels"])
    for output in ("audio", "fusion", "global"):
        assert found[f"labels.{output}"].valid.tolist() == some.tolist()
    absent = Features(batch["video"].values, ~some)
    found = graph({"audio": Features(batch["audio"].values, some), "video": absent}, ["labels.fusion"])
    assert found["labels.fusion"].presence().all()


CHAIN = """
  a1: {share: b1, in: a}
  b1: {share: c1, in: a}
  c1: {use: vit, in: b, mask: joint, depth: 1, heads: 2}
  t1: {use: query_readout, in: one, mask: joint, global_query: false, tie: {attention.out.weight: t2.attention.out.weight}}
  t2: {use: query_readout, in: one, mask: joint, global_query: false, tie: {attention.out.weight: x.attention.out.weight}}
"""


def test_chains_of_shared_and_tied_weights_end_at_one_owner(config, plugins) -> None:
    graph = build_graph(read(config(SHARED + CHAIN), plugins).wiring)
    assert graph.a1.norm.weight is graph.b1.norm.weight is graph.c1.norm.weight
    assert graph.t1.attention.out.weight is graph.t2.attention.out.weight is graph.x.attention.out.weight
    stored = graph.weights()
    assert {"c1.norm.weight", "x.attention.out.weight"} <= stored.keys()
    assert not any(name.startswith(("a1.", "b1.")) for name in stored)
    assert not {"t1.attention.out.weight", "t2.attention.out.weight"} & stored.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  m: {share: m, in: a, use: vit, mask: joint, depth: 1, heads: 2}", "circle: m -> m"),
        ("  m: {share: n, in: a}\n  n: {share: m, in: a}", "circle: m -> n -> m"),
    ],
)
def test_circles_of_shared_weights_are_refused(config, plugins, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(config(SHARED + text + "\n"), plugins)


def test_circles_of_ties_are_refused(config, plugins) -> None:
    node = (
        "{{use: query_readout, in: one, mask: joint, global_query: false, tie: {{attention.out.weight: {}.attention.out.weight}}}}"
    )
    text = f"  m: {node.format('n')}\n  n: {node.format('m')}\n"
    with pytest.raises(ConfigError, match="tied in a circle"):
        build_graph(read(config(SHARED + text), plugins).wiring)


def test_terms_of_weight_zero_are_left_out(tiny) -> None:
    change = "stages.finetune.objectives.more={use: cross_entropy, in: [labels.audio, batch.label], weight: 0}"
    experiment = tiny(change)
    model = TrainingModel(build_graph(experiment.wirings["finetune"]), experiment.sinks["finetune"])
    assert list(model.sinks) == ["labels"]


def test_parameters_are_named_by_their_owner(tiny) -> None:
    before = "graph.aaa={share: video_z, in: pooled.audio}"
    model = TrainingModel(build_graph(tiny(before).wiring), {})
    names = model.named_weights()
    assert "video_z.map.out.weight" in names
    assert not any(name.startswith("aaa.") for name in names)


def test_a_tokenizer_may_be_called_otherwise_than_its_entry(config, plugins) -> None:
    text = """
name: renamed
inputs: {a: [8, 8]}
graph:
  pieces: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8}
  r: {use: query_readout, in: pieces, mask: zorro}
"""
    wiring = read(config(text), plugins).wiring
    assert set(wiring.influences().values()) == {frozenset({"a"})}
    found = build_graph(wiring)({"a": Features(torch.randn(2, 8, 8))}, ["r"])
    assert found.keys() == {"r.pieces", "r.global"}


def test_a_tie_that_does_not_fit_is_told_where_it_is_written(config, plugins) -> None:
    text = """
name: tied
inputs: {a: [8, 8], b: [8, 4]}
graph:
  a: {use: spectrogram_patches, in: batch.a, patch: [4, 4], width: 8}
  b: {use: spectrogram_patches, in: batch.b, patch: [4, 4], width: 8, tie: {positions: a.positions}}
"""
    with pytest.raises(ConfigError, match=r":6:\d+: cannot tie 'b.positions' to 'a.positions': their shapes are"):
        build_graph(read(config(text), plugins).wiring)


AGGREGATED = """
name: aggregated
inputs: {audio: [64], video: [3, 4, 8, 8]}
graph:
  audio: {use: waveform_patches, in: batch.audio, patch: 16, width: 8}
  agg: {use: latents, tokens: 1, width: 8}
  tower: {use: vit, in: [audio, agg], mask: joint, depth: 1, heads: 2}
  pooled: {use: mean_readout, in: {audio: tower.agg}}
  video: {use: tubelets, in: batch.video, patch: [2, 4, 4], width: 8}
  fused: {use: vit, in: [video, agg], mask: joint, depth: 1, heads: 2}
  fusion: {use: mean_readout, in: {both: fused.agg, sound: tower.agg}}
"""


def test_what_nothing_given_may_influence_is_left_out(plugins, tmp_path) -> None:
    (tmp_path / "agg.yaml").write_text(AGGREGATED)
    graph = build_graph(read(tmp_path / "agg.yaml", plugins).wiring).eval()
    batch = fake_batch(graph.wiring.inputs, 3)
    outputs = ["pooled", "fusion", "tower", "agg"]
    with torch.no_grad():
        everything = graph(batch, outputs)
        silent = graph({"video": batch["video"]}, outputs)
        nothing = graph({}, outputs)
    assert set(everything) == {"pooled.audio", "fusion.both", "fusion.sound", "tower.audio", "tower.agg", "agg"}
    assert set(silent) == {"fusion.both", "agg"}
    assert torch.equal(silent["fusion.both"].values, everything["fusion.both"].values)
    assert set(nothing) == {"agg"}


def test_a_shared_node_keeps_the_owners_averages_when_the_graph_moves(plugins, tmp_path) -> None:
    net = "use: video_resnet, width: 8, blocks: [1, 1], frames: [1, 1, 1]"
    graph_of = f"graph: {{a: {{{net}, in: batch.x}}, b: {{{net}, in: batch.y, share: a}}}}"
    (tmp_path / "shared.yaml").write_text(f"name: shared\ninputs: {{x: [3, 2, 16, 16], y: [3, 2, 16, 16]}}\n{graph_of}\n")
    graph = build_graph(read(tmp_path / "shared.yaml", plugins).wiring)
    graph._apply(torch.Tensor.clone)  # what a move to another device does to buffers
    for module in (graph, graph.double()):
        buffers = dict(module.named_buffers(remove_duplicate=False))
        names = [name for name in buffers if name.startswith("a.")]
        assert len(names) > 4
        assert all(buffers[name] is buffers["b" + name[1:]] for name in names)


def test_unlike_streams_of_a_shared_node_are_told_shortly(plugins, tmp_path) -> None:
    pieces = "{use: piece_tokens, in: batch.%s, width: 8}"
    (tmp_path / "shared.yaml").write_text(
        "name: shared\ninputs: {x: [4, 6], y: [4, 6], z: [4, 6]}\n"
        f"graph: {{v: {pieces % 'x'}, a: {pieces % 'y'}, w: {pieces % 'z'}, enc: {{use: pemt, in: [v, a], depth: 2, heads: 2}}, "
        "enc2: {use: pemt, in: [w, a], depth: 2, heads: 2, share: enc}}\n"
    )
    with pytest.raises(ConfigError, match=r"and \d+ more") as error:
        build_graph(read(tmp_path / "shared.yaml", plugins).wiring)
    assert "name the inputs as the owner does" in str(error.value)
