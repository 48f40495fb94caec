"""Swin: how grids are cut, what each stage may depend on, what runs, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor

from antifaz.analysis.check.report import check
from antifaz.analysis.influence import randomize_parameters, verify
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.streams import Stream
from antifaz.core.tokens import Tokens
from antifaz.layers import attention
from antifaz.plugins.masks.spec import Isolated, Joint, Routes
from antifaz.plugins.swin.model import SwinTransformer
from antifaz.plugins.swin.spec import Swin
from antifaz.plugins.swin.windows import SEPARATE, Windows, relative_index
from antifaz.plugins.zorro.spec import ZorroMask
from antifaz.registry import SpecError

VIDEO, AUDIO = Stream("video", 8, (3, 5, 6)), Stream("audio", 8, (4, 9))
FUSION = Stream("fusion", 8, (3,), latent=True)
STREAMS = {"video": VIDEO, "audio": AUDIO, "fusion": FUSION}
ZORRO = Swin(mask=ZorroMask(), depths=(2, 1, 2), heads=(2, 2, 4), window={"video": (2, 2, 3), "audio": (3, 2)})
GRIDS = [
    ((4, 6), (2, 3)),
    ((5, 7), (2, 3)),
    ((2, 3), (4, 2)),
    ((3, 5, 4), (2, 2, 2)),
    ((3, 5, 4), (8, 2, 3)),
    ((3, 5, 4), (3, 2)),
]


def drawn(streams: dict[str, Stream], batch: int = 2) -> dict[str, Tokens]:
    generator = torch.Generator().manual_seed(0)
    size = {name: (batch, s.tokens, s.width) for name, s in streams.items()}
    return {name: Tokens(torch.randn(size[name], generator=generator, dtype=torch.float64), s.grid) for name, s in streams.items()}


def module(spec: Swin = ZORRO, streams: dict[str, Stream] = STREAMS) -> SwinTransformer:
    built = spec.build(streams).double().eval()
    randomize_parameters(built, 1)
    return built


def refused(spec: Swin, streams: dict[str, Stream]) -> SpecError:
    with pytest.raises(SpecError) as caught:
        spec.outputs(streams)
    return caught.value


@pytest.mark.parametrize(("grid", "window"), GRIDS)
@pytest.mark.parametrize("shifted", [False, True])
def test_what_is_cut_is_joined_again(grid: tuple[int, ...], window: tuple[int, ...], shifted: bool) -> None:
    windows = Windows(grid, window, shifted=shifted)
    tokens = int(torch.tensor(grid).prod())
    x = torch.randn(2, tokens, 3)
    cut = windows.cut(x, fill=7.0)
    assert cut.shape[1] * cut.shape[2] == tokens + int((cut[0, ..., 0] == 7.0).sum())
    assert torch.equal(windows.join(cut), x)
    kept = windows.without_padding(cut.flatten(1, 2), dim=1)
    assert kept.shape == x.shape
    assert torch.equal(kept.sort(dim=1).values, x.sort(dim=1).values)


def test_offsets_have_rows_of_their_own() -> None:
    index = relative_index((2, 3, 2))
    places = list(itertools.product(range(2), range(3), range(2)))
    rows: dict[tuple[int, ...], set[int]] = {}
    for (i, a), (j, b) in itertools.product(enumerate(places), repeat=2):
        rows.setdefault(tuple(p - q for p, q in zip(a, b, strict=True)), set()).add(int(index[i, j]))
    assert all(len(found) == 1 for found in rows.values())
    assert set.union(*rows.values()) == set(range(3 * 5 * 3))


def test_a_shift_parts_what_was_not_side_by_side() -> None:
    windows = Windows((1, 8), (1, 4), shifted=True)
    order = windows.cut(torch.arange(8)[None, :, None]).flatten(1).view(2, 4)
    assert order.tolist() == [[2, 3, 4, 5], [6, 7, 0, 1]]
    bias = windows.bias(torch.zeros(7, 1))
    assert not bias[0].any()
    assert (bias[1, 0] == SEPARATE).tolist() == [[i // 2 != j // 2 for j in range(4)] for i in range(4)]


def test_no_stage_mixes_what_the_mask_keeps_apart() -> None:
    swin = module()
    after: list[dict[str, Tensor]] = []
    for part in (*swin.stages, *swin.mergings):
        part.register_forward_hook(lambda _, __, out: after.append(out[0] if isinstance(out, tuple) else out))
    for training in (False, True):
        after.clear()
        swin.train(training)
        streams = drawn(STREAMS)
        leaves = {name: tokens.values.requires_grad_() for name, tokens in streams.items()}
        swin(streams)
        assert len(after) == 5
        for values in after:
            for reader, x in values.items():
                gradients = torch.autograd.grad(x.square().sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
                seen = {name for name, g in zip(leaves, gradients, strict=True) if g is not None and bool(g.abs().max() > 0)}
                assert seen == (set(STREAMS) if reader == "fusion" else {reader})


@pytest.mark.parametrize("present", [("audio",), ("video",), ("audio", "fusion"), ("video", "audio"), ("fusion",)])
def test_what_is_absent_changes_no_bit_and_does_not_run(present: tuple[str, ...]) -> None:
    swin = module()
    streams = drawn(STREAMS)
    cut: list[tuple[int, ...]] = []
    for stage in swin.stages:
        for each in (*stage.straight.values(), *stage.shifted.values()):
            each.cut = lambda x, fill=0.0, each=each, cut=each.cut: (cut_of(each), cut(x, fill))[1]  # type: ignore[method-assign]

    def cut_of(each: Windows) -> None:
        cut.append(each.grid)

    whole = swin(streams)
    cut.clear()
    alone = swin({name: streams[name] for name in present})
    assert set(alone) == set(present)
    for name in set(present) - {"fusion"}:
        assert torch.equal(alone[name].values, whole[name].values)
    frames = {1 if grid[0] == 1 else 3 for grid in cut}
    assert frames == {{"video": 3, "audio": 1}[name] for name in present if name != "fusion"}


def test_one_attention_call_for_all_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, ...]] = []
    original = attention.F.scaled_dot_product_attention

    def counted(q: Tensor, *args: object, **kwargs: object) -> Tensor:
        calls.append(tuple(q.shape))
        return original(q, *args, **kwargs)

    swin = module()
    monkeypatch.setattr(attention.F, "scaled_dot_product_attention", counted)
    swin(drawn(STREAMS))
    assert len(calls) == 5 * 3  # blocks x streams


def test_widths_and_grids_follow_the_stages() -> None:
    left = ZORRO.outputs(STREAMS)
    assert {name: (s.grid, s.width) for name, s in left.items()} == {
        "video": ((3, 2, 2), 32),
        "audio": ((1, 3), 32),
        "fusion": ((3,), 32),
    }
    assert left["fusion"].latent
    assert len(ZORRO.routings(STREAMS)) == 5


def test_marks_that_say_all_is_there_change_nothing() -> None:
    swin = module()
    streams = drawn(STREAMS)
    marked = {n: Tokens(t.values, t.grid, valid=torch.ones(t.values.shape[:2], dtype=torch.bool)) for n, t in streams.items()}
    expected, got = swin(streams), swin(marked)
    for name, tokens in got.items():
        assert torch.allclose(tokens.values, expected[name].values, atol=1e-12)
        assert tokens.valid is not None
        assert tokens.valid.shape == tokens.values.shape[:2]
        assert bool(tokens.valid.all())


def test_an_absent_sample_stays_absent_and_fusion_does_not_read_it() -> None:
    swin = module()
    streams = drawn(STREAMS)
    present = torch.tensor([True, False])
    video = streams["video"]
    marks = present[:, None].expand(-1, VIDEO.tokens)
    got = swin({**streams, "video": Tokens(video.values, video.grid, valid=marks)})
    assert got["video"].valid is not None
    assert got["video"].valid.all(dim=1).tolist() == got["video"].valid.any(dim=1).tolist() == [True, False]
    without = swin({"audio": streams["audio"], "fusion": streams["fusion"]})
    assert torch.allclose(got["fusion"].values[1], without["fusion"].values[1], atol=1e-12)
    assert not torch.allclose(got["fusion"].values[0], without["fusion"].values[0], atol=1e-3)


def test_modalities_share_all_but_their_tables() -> None:
    both = {name for name, _ in module().named_parameters()}
    one = {name for name, _ in module(Swin(depths=(2, 1, 2), heads=(2, 2, 4)), {"video": VIDEO}).named_parameters()}
    blocks = [f"stages.{stage}.blocks.{i}" for stage, depth in enumerate((2, 1, 2)) for i in range(depth)]
    tables = {f"{block}.attention.tables.{name}" for block in blocks for name in ("video", "audio")}
    latents = {f"mergings.{i}.latents.{name}" for i in range(2) for name in ("weight", "bias")}
    assert both - one == tables | latents
    assert one - both == {f"{block}.attention.tables.tokens" for block in blocks}


def test_dropped_tokens_and_other_grids_are_refused() -> None:
    swin = module()
    streams = drawn(STREAMS)
    few = Tokens(streams["audio"].values[:, :5], AUDIO.grid, index=torch.arange(5).expand(2, -1))
    with pytest.raises(ValueError, match="'audio' has dropped tokens"):
        swin({"audio": few})
    with pytest.raises(ValueError, match=r"\(9, 4\).*built for \(4, 9\)"):
        swin({"audio": Tokens(streams["audio"].values, (9, 4))})


def test_routings_that_windows_cannot_do_are_refused_with_a_way_out() -> None:
    sizes = {"depths": (1,), "heads": (2,)}
    joint = refused(Swin(mask=Joint(), **sizes), STREAMS)
    assert (joint.field, "'video' read 'video', 'audio', 'fusion'" in joint.message) == ("mask", True)
    assert joint.hint is not None
    assert "zorro" in joint.hint
    crossed = Routes(routes={"video": ("audio",), "audio": ("audio",)})
    assert "'video' read 'audio'" in refused(Swin(mask=crossed, **sizes), {"video": VIDEO, "audio": AUDIO}).message
    causal = Routes(routes={"audio": {"audio": "causal"}})
    assert "'audio' (causal)" in refused(Swin(mask=causal, **sizes), {"audio": AUDIO}).message
    missing = refused(Swin(**sizes), STREAMS)
    assert (missing.field, missing.message) == ("mask", "`mask` is missing: it says what 'fusion' reads")


def test_without_a_mask_each_modality_reads_itself() -> None:
    streams = {"video": VIDEO, "audio": AUDIO}
    (routing,) = set(map(str, Swin(depths=(1,), heads=(2,)).routings(streams)))
    assert routing == str(Swin(mask=Isolated(), depths=(1,), heads=(2,)).routings(streams)[0])


def test_a_latent_stream_may_read_some_streams_alone() -> None:
    routes = Routes(routes={"video": ("video",), "audio": ("audio",), "fusion": ("video",)})
    swin = module(Swin(mask=routes, depths=(1,), heads=(2,), window={"video": (2, 2, 2)}))
    streams = drawn(STREAMS)
    whole, alone = swin(streams), swin({name: streams[name] for name in ("video", "fusion")})
    assert torch.allclose(whole["fusion"].values, alone["fusion"].values, atol=1e-12)
    lonely = swin({"fusion": streams["fusion"]})["fusion"].values
    assert bool(lonely.isfinite().all())


@pytest.mark.parametrize(
    ("options", "streams", "words"),
    [
        ({"size": "tiny"}, {"video": Stream("video", 96, (4, 7, 8))}, "the grid [4, 7, 8] of stream 'video' is too small: 4"),
        ({"depths": (1,), "heads": (2,)}, {"text": Stream("text", 8, (9,))}, "stream 'text' has the grid [9]"),
        ({"depths": (1,), "heads": (2,), "mask": ZorroMask()}, {"fusion": FUSION}, "only latent streams arrive"),
        ({"size": "base"}, {"video": Stream("video", 96, (4, 8, 8))}, "size 'base' has width 128, but the streams have 96"),
        ({"depths": (1, 1), "heads": (1, 3)}, {"audio": AUDIO}, "3 heads do not divide the width 16 of stage 2"),
        ({"depths": (1,), "heads": (2,), "window": (2, 2, 2)}, {"audio": AUDIO}, "window [2, 2, 2] does not fit the grid [4, 9]"),
        ({"depths": (1,), "heads": (2,), "window": {"vidoe": (2, 2)}}, {"video": VIDEO}, "no stream 'vidoe' has windows"),
        ({"depths": (1,), "heads": (2,)}, {"a": VIDEO, "b": Stream("b", 4, (4, 4))}, "all streams need one width"),
    ],
)  # fmt: skip
def test_streams_that_do_not_fit_are_refused(options: dict, streams: dict[str, Stream], words: str) -> None:
    assert words in refused(Swin(**options), streams).message


@pytest.mark.parametrize(
    ("options", "field", "words"),
    [
        ({}, "depths", "`depths` is missing"),
        ({"depths": (2,)}, "heads", "`heads` is missing"),
        ({"depths": (), "heads": ()}, "depths", "names no stage"),
        ({"depths": (2, 2), "heads": (2,)}, "heads", "`depths` has 2 stages and `heads` 1"),
        ({"size": "tiny", "depths": (2, 2)}, "depths", "`depths` has 2 stages and `heads` 4"),
        ({"size": "tiny", "window": (7,)}, "window", "two or three numbers"),
        ({"size": "tiny", "window": {"audio": (7, 0)}}, "window.audio", "two or three numbers"),
        ({"depths": (0,), "heads": (2,)}, "depths", "between 1 and 1000"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict, field: str, words: str) -> None:
    with pytest.raises(SpecError, match=words) as caught:
        Swin(**options)
    assert caught.value.field == field


GRAPH = """
name: tiny-swin
inputs: {{video: [3, 4, 24, 24], audio: [16, 24], small: [16, 24]}}
graph:
  video: {{use: tubelets, in: batch.video, patch: [2, 4, 4], width: 8, positions: none}}
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [4, 4], width: 8, positions: none}}
  fusion: {{use: latents, tokens: 2, width: 8}}
  encoder: {{use: swin, in: [video, audio, fusion], mask: zorro, depths: [2, 2], heads: [2, 2], window: {window}}}
  pooled: {{use: query_readout, in: encoder, mask: zorro}}
{more}
pure: {{pooled.video: [video], pooled.audio: [audio], encoder.audio: [audio]}}
"""


def written(folder: Path, more: str = "") -> Path:
    path = folder / "swin.yaml"
    path.write_text(GRAPH.format(window="{video: [2, 2, 2], audio: [2, 3]}", more=more))
    return path


def test_zorro_swin_verifies_clean_and_an_answer_runs_its_stream_alone(plugins, tmp_path: Path) -> None:
    experiment = read(written(tmp_path), plugins)
    assert verify(experiment).ok
    report = check(experiment)
    assert report.outputs["pooled.audio"].nodes == ("audio", "encoder", "pooled")
    assert report.outputs["pooled.audio"].flops + report.outputs["pooled.video"].flops < report.outputs["pooled.global"].flops


def test_weights_are_shared_between_grids(plugins, tmp_path: Path) -> None:
    more = """
  one: {use: swin, in: audio, depths: [2], heads: [2], window: [2, 2]}
  spectrum: {use: spectrogram_patches, in: batch.small, patch: [8, 4], width: 8, positions: none}
  other: {use: swin, in: spectrum, share: one, depths: [2], heads: [2], window: [2, 2]}
"""
    experiment = read(written(tmp_path, more=more), plugins)
    graph = build_graph(experiment.wiring).eval()
    batch = fake_batch(experiment.wiring.inputs, 2)
    found = graph(batch, ["one", "other"])
    assert {name: value.values.shape[1] for name, value in found.items()} == {"one.audio": 24, "other.spectrum": 12}
    assert not [name for name in graph.weights() if name.startswith("other.")]
