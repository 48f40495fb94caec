"""HiP: published counts, purity at every level, what is run for an output, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from antifaz.analysis.check.report import check
from antifaz.analysis.influence import randomize_parameters, verify
from antifaz.configs import shipped
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.streams import Stream
from antifaz.core.tokens import Tokens
from antifaz.engine.training.model import TrainingModel, trainable_parameters
from antifaz.plugins.hip.grouping import even_cut, separate_layout
from antifaz.plugins.hip.model import HierarchicalPerceiver
from antifaz.plugins.hip.spec import HiP
from antifaz.plugins.masks.spec import Joint, Routes
from antifaz.plugins.zorro.spec import ZorroMask
from antifaz.registry import ConfigError, SpecError

TABLES = {
    "groups": (4, 2, 1, 2, 4),
    "layers": (1, 1, 1, 1, 1),
    "latents": (4, 3, 2, 3, 4),
    "channels": (8, 12, 16, 12, 8),
    "heads": (2, 3, 4, 3, 2),
}
STREAMS = {
    "video": Stream("video", 8, (3, 2, 2)),
    "audio": Stream("audio", 8, (5,)),
    "fusion": Stream("fusion", 8, (3,), latent=True),
}
QUERIES = {
    "video_at": Stream("video_at", 8, (12,)),
    "audio_at": Stream("audio_at", 8, (5,)),
    "mixed_at": Stream("mixed_at", 8, (6,)),
}
ASKED = {"video_at": "video", "audio_at": "audio", "mixed_at": "fusion"}

TINY = """
name: tiny-hip
inputs: {{video: [3, 4, 8, 8], audio: [8, 10]}}
graph:
  video: {{use: points, in: batch.video, patch: [3, 2, 4, 4], width: 8}}
  audio: {{use: points, in: batch.audio, patch: [8, 2], width: 8}}
  fusion: {{use: latents, tokens: 3, width: 8}}
  video_at: {{use: point_queries, grid: [2, 2, 2], width: 8, tie: {{positions: video.positions}}}}
  audio_at: {{use: point_queries, grid: [5], width: 8, tie: {{positions: audio.positions}}}}
  encoder:
    use: hip
    in: [video, audio, {streams}video_at, audio_at]
    mask: {mask}
    groups: [4, 2, 1, 2, 4]
    layers: [1, 1, 1, 1, 1]
    latents: [4, 4, 2, 4, 4]
    channels: [8, 12, 16, 12, 8]
    heads: [2, 3, 4, 3, 2]
    queries: {{video_at: video, audio_at: audio}}
  video_values: {{use: point_values, in: encoder.video_at, shape: [3, 4, 8, 8], patch: [3, 2, 4, 4]}}
  audio_values: {{use: point_values, in: encoder.audio_at, shape: [8, 10], patch: [8, 2]}}
pure: {{{pure}}}
"""
ZORRO = {"mask": "zorro", "streams": "fusion, ", "pure": "encoder.audio: [audio], audio_values: [audio], video_values: [video]"}
STOCK = {"mask": "joint", "streams": "", "pure": "audio_values: [audio]"}


def experiment(plugins, tmp_path: Path, blanks: dict[str, str], *overrides: str):
    path = tmp_path / "tiny-hip.yaml"
    path.write_text(TINY.format(**blanks), encoding="utf-8")
    return read(path, plugins, overrides)


@pytest.fixture(scope="module")
def zorro() -> HierarchicalPerceiver:
    module = HiP(mask=ZorroMask(), queries=ASKED, **TABLES).build({**STREAMS, **QUERIES}).double().eval()
    randomize_parameters(module, 0)
    return module


def drawn(*names: str) -> dict[str, Tokens]:
    torch.manual_seed(0)
    streams = {**STREAMS, **QUERIES}
    every = {name: Tokens(torch.randn(2, s.tokens, s.width, dtype=torch.float64), s.grid) for name, s in streams.items()}
    return {name: every[name] for name in (names or every)}


@pytest.mark.parametrize(
    ("name", "with_projection", "without"),
    [("mini", 18_709_668, 18_707_620), ("16", 99_224_996, 99_222_948), ("256", 95_585_188, 95_584_676)],
)
def test_published_parameters(plugins, tmp_path: Path, name: str, with_projection: int, without: int) -> None:
    config = read(f"models/hip-{name}", plugins)
    assert parameters(config) == with_projection
    assert config.header.published is not None
    assert config.header.published.parameters == with_projection
    text = shipped(f"models/hip-{name}").read_text(encoding="utf-8")
    plain = re.sub(r"(, | *tie: \{)position_projection.weight: \w+.position_projection.weight(?=\})", r"\1", text)
    plain = re.sub(r" *tie: \{\}\n|, (?=\})", "", plain).replace("position_projection: true", "position_projection: false")
    (tmp_path / "plain.yaml").write_text(plain, encoding="utf-8")
    assert parameters(read(tmp_path / "plain.yaml", plugins)) == without


def parameters(config) -> int:
    return sum(p.numel() for p in build_graph(config.wiring, device="meta").parameters())


def test_no_group_mixes_modalities_at_any_level(zorro: HierarchicalPerceiver) -> None:
    """The hidden states of every block, down and up: gradients exactly zero, and no bit changes."""
    seen: dict[int, dict[str, torch.Tensor]] = {}
    hooks = [
        block.register_forward_hook(lambda _module, _given, hidden, level=level: seen.update({level: hidden}))
        for level, block in enumerate(zorro.blocks)
    ]
    batch = drawn()
    leaves = {name: batch[name].values.clone().requires_grad_() for name in ("video", "audio")}
    zorro({**batch, **{name: batch[name].with_values(leaf) for name, leaf in leaves.items()}})
    states = dict(seen)
    zorro({**batch, "video": batch["video"].with_values(torch.randn_like(leaves["video"]))})
    for hook in hooks:
        hook.remove()
    assert set(states) == set(range(5))
    for level, hidden in states.items():
        for lane, other in (("audio", "video"), ("video", "audio")):
            projection = (hidden[lane] * torch.randn_like(hidden[lane])).sum()
            own, foreign = torch.autograd.grad(projection, [leaves[lane], leaves[other]], allow_unused=True, retain_graph=True)
            assert own.abs().max() > 0
            assert foreign is None or not foreign.any()
        both = torch.autograd.grad(hidden["fusion"].square().sum(), list(leaves.values()), retain_graph=True)
        assert all(gradient.abs().max() > 0 for gradient in both)
        assert torch.equal(seen[level]["audio"], hidden["audio"])
        assert not torch.equal(seen[level]["fusion"], hidden["fusion"])


def test_one_modality_alone_gives_the_same_bits(zorro: HierarchicalPerceiver) -> None:
    whole = zorro(drawn())
    for name in ("audio", "video"):
        alone = zorro(drawn(name, f"{name}_at"))
        assert set(alone) == {name, f"{name}_at"}
        for output, tokens in alone.items():
            assert torch.equal(tokens.values, whole[output].values)


def test_a_query_without_its_stream_is_marked(zorro: HierarchicalPerceiver) -> None:
    found = zorro(drawn("audio", "video_at"))
    valid = found["video_at"].valid
    assert valid is not None
    assert not valid.any()
    assert not found["video_at"].values.any()


def test_an_absent_sample_is_absent_beside_others(zorro: HierarchicalPerceiver) -> None:
    """A stock lane and a lane of its own: what a sample lacks is marked down to the bottleneck and up again."""
    present = torch.tensor([True, False])
    batch = drawn()
    marks = present[:, None].expand(-1, STREAMS["audio"].tokens)
    batch["audio"] = Tokens(batch["audio"].values, batch["audio"].grid, None, marks)
    found = zorro(batch)
    for output in ("audio", "audio_at"):
        valid = found[output].valid
        assert valid is not None
        assert valid.all(dim=1).tolist() == valid.any(dim=1).tolist() == [True, False]
    assert found["fusion"].valid is None
    assert torch.equal(found["video_at"].values, zorro(drawn())["video_at"].values)


def test_a_lane_without_tokens_of_its_own_is_absent_whatever_it_reads(zorro: HierarchicalPerceiver) -> None:
    batch = drawn()
    marks = torch.tensor([True, False])[:, None].expand(-1, STREAMS["fusion"].tokens)
    found = zorro(batch | {"fusion": Tokens(batch["fusion"].values, batch["fusion"].grid, None, marks)})
    assert found["fusion"].valid is not None
    assert found["fusion"].valid.any(dim=1).tolist() == [True, False]


def test_a_group_is_one_row_of_one_call(zorro: HierarchicalPerceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups lie in the batch: as many attention calls as lanes, whatever the number of groups."""
    calls = []
    attention = torch.nn.functional.scaled_dot_product_attention

    def counted(q: torch.Tensor, *args, **options) -> torch.Tensor:
        calls.append(q.shape[0])
        return attention(q, *args, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", counted)
    zorro(drawn("video", "audio", "fusion"))
    # 2 samples; video has 3, 1, 1 groups and audio 1, 1, 1; a cross- and a self-attention in each of 3 blocks.
    assert calls == [6, 2, 2] * 2 + [2, 2, 2] * 4


def test_verify_is_clean_for_zorro_and_says_that_stock_mixes(plugins, tmp_path: Path) -> None:
    assert verify(experiment(plugins, tmp_path, ZORRO)).ok
    report = verify(experiment(plugins, tmp_path, STOCK))
    assert all(finding.ok for finding in report.findings)  # the routing says so too
    (claim,) = report.claims
    assert not claim.holds
    assert claim.paths == {"video": ("batch.video", "video", "encoder.audio_at", "audio_values")}


def test_only_what_an_output_needs_is_run(plugins, tmp_path: Path) -> None:
    config = experiment(plugins, tmp_path, ZORRO)
    report = check(config)
    assert report.outputs["audio_values"].needs == ("audio",)
    assert report.outputs["audio_values"].nodes == ("audio", "audio_at", "encoder", "audio_values")
    graph = build_graph(config.wiring).eval()
    seen: list[set[str]] = []
    for block in graph.get_submodule("encoder").blocks:
        block.register_forward_hook(lambda _module, _given, hidden: seen.append(set(hidden)))
    batch = fake_batch(config.wiring.inputs, 2)
    assert set(graph(batch, ["encoder.audio"])) == {"encoder.audio"}
    assert seen == [{"audio"}] * 3  # no other stream, and no decoder
    graph(batch, ["audio_values"])
    assert seen[3:] == [{"audio"}] * 5


def test_batches_without_a_modality(plugins, tmp_path: Path) -> None:
    for blanks in (ZORRO, STOCK):
        graph = build_graph(experiment(plugins, tmp_path, blanks).wiring).eval()
        batch = fake_batch(graph.wiring.inputs, 2)
        found = graph({"audio": batch["audio"]}, ["audio_values", "video_values"])
        assert found["audio_values"].values.isfinite().all()
        assert ("video_values" in found) == (blanks is STOCK)


def test_cuts_are_even() -> None:
    assert even_cut(64, 12).runs == ((4, 6), (8, 5))
    layout = separate_layout(
        list(STREAMS.values()), ZorroMask().routing(list(STREAMS.values()), list(STREAMS.values())), (4, 2, 1), (4, 3, 2)
    )
    assert {lane.name: lane.groups for lane in layout.lanes} == {"video": (3, 1, 1), "audio": (1, 1, 1), "fusion": (1, 1, 1)}
    assert layout.groups == (5, 3, 3)
    assert [lane.first for lane in layout.lanes] == [(0, 0, 0), (3, 1, 1), (4, 2, 2)]


def refused(message: str, field: str, mask=None, streams=None, **changes) -> None:
    streams = STREAMS if streams is None else streams
    with pytest.raises(SpecError) as caught:
        HiP(mask=mask or ZorroMask(), **{**TABLES, **changes}).outputs(streams)
    assert message in caught.value.message
    assert caught.value.field == field


def test_grids_too_small_for_their_groups() -> None:
    refused("'video' brings 12 tokens to the first level, which has 13 groups for it", "groups", groups=(18, 2, 1, 2, 18))
    up = {"groups": (8, 6, 1, 6, 8), "latents": (4, 3, 3, 3, 4), "queries": ASKED}
    refused("'video' brings 3 tokens to level 4, which has 4 groups for it", "groups", None, {**STREAMS, **QUERIES}, **up)
    small = {"image": Stream("image", 8, (2,)), "label": Stream("label", 8, (2,))}
    refused(
        "'image' brings 2 tokens to the first level, which has 3 groups for it", "groups", Joint(), small, groups=(6, 2, 1, 2, 6)
    )
    many = {name: Stream(name, 8, (9,)) for name in "abcde"}
    refused("5 streams need a group each, but the first level has 4", "groups", Joint(), many)
    uneven = {"groups": (6, 4, 1, 4, 6), "latents": (3, 2, 2, 2, 3)}
    refused("the 18 latents of level 1 cannot be dealt to 4 groups", "latents", Joint(), **uneven)
    refused("the stock grouping merges to 1 group in the middle, not 2", "groups", Joint(), groups=(4, 2, 2, 2, 4))


def test_routings_that_groups_cannot_follow() -> None:
    across = Routes(routes={"video": ("video",), "audio": ("audio", "video"), "fusion": ("fusion",)})
    refused("'audio' cannot read 'video': a group of hip holds one modality, or merges with all", "mask", across)
    causal = Routes(routes={"video": ("video",), "audio": {"audio": "causal"}, "fusion": ("fusion",)})
    refused("'audio' reads in order of time", "mask", causal)
    deaf = Routes(routes={"video": ("video",), "audio": ("audio",), "fusion": ("audio",)})
    refused("'fusion' must read itself", "mask", deaf)


def test_tables_that_do_not_fit() -> None:
    refused("`heads` has 3 entries, `groups` has 5", "heads", heads=(2, 3, 4))
    refused("`latents` must read the same in both directions", "latents", latents=(4, 3, 2, 3, 5))
    refused("5 heads do not divide 8 channels", "heads", heads=(5, 3, 4, 3, 2))
    refused("size 16 reads a width of 32, but the streams have 8", "size", size=16, **dict.fromkeys(TABLES))
    refused("`layers` is missing", "layers", layers=None)
    refused("there is no query stream 'video_to'", "queries", queries={"video_to": "video"})


def test_a_small_grid_is_told_at_its_line(plugins, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        experiment(plugins, tmp_path, {**ZORRO, "pure": ""}, "graph.encoder.groups=[16, 2, 1, 2, 16]", "graph.audio.patch=[8, 10]")
    assert "'video' brings 8 tokens to the first level, which has 14 groups for it" in str(caught.value)


def test_transforms_that_add_entries_train(plugins, tmp_path: Path) -> None:
    """Objectives may read what a transform adds, and what they reach is found with it."""
    config = read("hip-mae", plugins)
    assert config.stage_inputs(config.stages["pretrain"]) >= {"video", "video_target", "video_mask"}
    assert "video_target" not in config.stage_inputs(config.stages["finetune"])
    model = TrainingModel(build_graph(config.wirings["pretrain"], device="meta"), config.sinks["pretrain"]).to("meta")
    present = {name: config.wirings["pretrain"].inputs[name] for name in config.stage_inputs(config.stages["pretrain"])}
    reached = {name.partition(".")[0] for name in trainable_parameters(model, present)}
    assert reached == {"video", "audio", "encoder", "video_values", "audio_values"}
