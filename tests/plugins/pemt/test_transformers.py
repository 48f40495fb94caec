"""The Transformers of PEMT: who shares what, who reads what, what runs for which answer, and their published sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from antifaz.core.experiment import Experiment, read
from antifaz.core.graph.module import build_graph
from antifaz.core.routing import compose, needed
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Tokens
from antifaz.data.weight_files import read_weights
from antifaz.engine.context import Context, StoppedError
from antifaz.engine.run import run_experiment
from antifaz.plugins.pemt.networks.spec import AudioResNet, VideoResNet
from antifaz.plugins.pemt.transformers.maps import LowRankMap, rotations
from antifaz.plugins.pemt.transformers.model import Layer, ParameterEfficientTransformers
from antifaz.plugins.pemt.transformers.spec import PEMT
from antifaz.registry import Plugins, SpecError

PUBLISHED = {
    "none": 127_581_696,
    "layers": 21_263_616,
    "layers-modalities": 7_087_872,
    "lowrank-unshared-layers": 23_063_040,
    "lowrank": 3_843_840,
}
STREAMS = {"video": Stream("video", 16, (5,)), "audio": Stream("audio", 16, (4,))}
SCHEMES = ("none", "layers", "layers_modalities", "low_rank_modalities", "low_rank")


@pytest.mark.parametrize("name", PUBLISHED)
def test_model_files_have_the_published_parameters(plugins: Plugins, name: str) -> None:
    experiment = read(f"models/pemt-{name}", plugins)
    graph = build_graph(experiment.wiring, device="meta")
    assert sum(p.numel() for p in graph.parameters()) == PUBLISHED[name]
    assert experiment.header.published is not None
    assert experiment.header.published.parameters == PUBLISHED[name]


def test_low_rank_sharing_saves_97_percent() -> None:
    assert round(100 * (1 - PUBLISHED["lowrank"] / PUBLISHED["none"]), 1) == 97.0


def test_skew_matrices_count_as_they_are_stored_and_half_of_them_acts() -> None:
    skew = torch.randn(1, 128, 128, dtype=torch.float64, requires_grad=True)
    (rotations(skew) * torch.randn(128, 128, dtype=torch.float64)).sum().backward()
    assert skew.numel() == 16_384
    assert (skew.grad != 0).sum() == 8_128


@pytest.mark.parametrize(
    ("spec", "shape", "width", "parameters"),
    [
        (VideoResNet(), Shape((3, 16, 112, 112)), 2048, 31_672_128),
        (AudioResNet(), Shape((80, 128)), 1024, 5_839_840),
    ],
)
def test_networks_have_the_published_parameters(spec: VideoResNet | AudioResNet, shape: Shape, width: int, parameters: int) -> None:
    assert spec.outputs({"x": shape}).dims == (width,)
    with torch.device("meta"):
        assert sum(p.numel() for p in spec.build({"x": shape}).parameters()) == parameters


def made(**options: object) -> ParameterEfficientTransformers:
    torch.manual_seed(0)
    return PEMT(depth=2, heads=2, rank=4, **options).build(STREAMS).double().eval()  # type: ignore[arg-type]


def given(*names: str) -> dict[str, Tokens]:
    generator = torch.Generator().manual_seed(1)
    drawn = {n: torch.randn(3, s.tokens, 16, generator=generator, dtype=torch.float64) for n, s in STREAMS.items()}
    return {name: Tokens(drawn[name], STREAMS[name].grid) for name in names or STREAMS}


def test_low_rank_maps_are_the_formula() -> None:
    """y = U Q normalize(V x) + b, Q the exponential of the skew matrix, by its eigenvectors in NumPy."""
    layer = LowRankMap(6, 5, 3, ["a", "b"]).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    x = torch.randn(7, 6, dtype=torch.float64)
    for member in ("a", "b"):
        found = layer.of(member, rotations(layer.skew[member][None])[0])(x).detach().numpy()
        u, b, v, skew = (p.detach().numpy() for p in (layer.weight, layer.bias, layer.down[member], layer.skew[member]))
        lower = np.tril(skew, -1)
        values, vectors = np.linalg.eigh(1j * (lower - lower.T))
        q = (vectors @ np.diag(np.exp(-1j * values)) @ vectors.conj().T).real
        assert np.abs(q @ q.T - np.eye(3)).max() < 1e-12
        z = x.numpy() @ v.T
        z = z / np.sqrt((z * z).sum(axis=1, keepdims=True))
        assert np.abs(found - (z @ q.T @ u.T + b)).max() < 1e-12


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_modality_s_answer_trains_what_the_scheme_gives_it(scheme: str) -> None:
    module = made(sharing=scheme)
    module(given("audio"), outputs=["audio"])["audio"].values.square().sum().backward()
    reached = {name for name, p in module.named_parameters() if p.grad is not None}
    private = {name for name in reached if ".audio." in f".{name}." or name.endswith(".audio")}
    others = {name for name in reached if any(each in name.split(".") for each in ("video", "multimodal"))}
    assert not others
    assert bool(private) == (scheme != "layers_modalities")
    layers = {tuple(name.split(".")[1:3]) for name in reached}
    owner = "audio" if scheme in ("none", "layers") else "shared"
    assert layers == {(owner, str(i)) for i in range(2 if scheme in ("none", "low_rank_modalities") else 1)}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", STREAMS)
def test_a_modality_alone_runs_its_own_transformer_and_gives_the_same_bits(scheme: str, name: str, monkeypatch) -> None:
    module = made(sharing=scheme)
    whole = module(given())[name].values
    calls: list[list[str]] = []
    forward = Layer.forward
    monkeypatch.setattr(Layer, "forward", lambda self, x, *rest: calls.append(list(x)) or forward(self, x, *rest))
    alone = module(given(name), outputs={name})
    assert calls == [[name]] * 2
    assert list(alone) == [name]
    assert torch.equal(alone[name].values, whole)


def test_an_absent_stream_is_zero_and_invalid_in_the_multimodal_answer() -> None:
    module = made()
    found = module(given("video"))
    assert not found["multimodal_audio"].values.any()
    assert not found["multimodal_audio"].valid.any()
    absent = given()
    absent["audio"] = Tokens(absent["audio"].values, (4,), valid=torch.zeros(3, 4, dtype=torch.bool))
    assert torch.allclose(module(absent)["multimodal_video"].values, found["multimodal_video"].values, atol=1e-12)


def test_a_sample_without_a_modality_is_marked_and_leaves_the_others_as_they_were() -> None:
    module, whole, some = made(), given(), given()
    marks = torch.tensor([True, False, True])[:, None].expand(3, 4)
    some["audio"] = Tokens(some["audio"].values, (4,), valid=marks)
    found, expected = module(some), module(whole)
    assert torch.equal(found["multimodal_audio"].valid, marks)
    for name in ("multimodal_video", "multimodal_audio"):
        assert torch.allclose(found[name].values[::2], expected[name].values[::2], atol=1e-12)


BOTH, VIDEO, AUDIO = frozenset(STREAMS), frozenset(["video"]), frozenset(["audio"])


@pytest.mark.parametrize(
    ("fusion", "expected"),
    [
        ("early", {"multimodal_video": BOTH, "multimodal_audio": BOTH}),
        ("mid", {"video": VIDEO, "audio": AUDIO, "multimodal_video": BOTH, "multimodal_audio": BOTH}),
        ("late", {"video": VIDEO, "audio": AUDIO}),
    ],
)
def test_routings_say_what_each_fusion_reads(fusion: str, expected: dict[str, frozenset[str]]) -> None:
    spec = PEMT(depth=2, heads=2, rank=4, fusion=fusion)  # type: ignore[arg-type]
    assert set(spec.outputs(STREAMS)) == set(expected)
    influence = compose(spec.routings(STREAMS), STREAMS)
    assert {output: influence[output] for output in expected} == expected
    for output, sources in expected.items():
        assert needed(spec.routings(STREAMS), [output]) & BOTH == sources


def test_fusions_have_as_many_transformers_as_they_need() -> None:
    counts = {
        fusion: sum(p.numel() for p in made(sharing="none", types=False, fusion=fusion).parameters())
        for fusion in ("early", "mid", "late")
    }
    assert counts["mid"] == counts["early"] + counts["late"] == 3 * counts["early"]


@pytest.mark.parametrize(
    ("streams", "options", "field", "message"),
    [
        ({"a": Stream("a", 8, (2,)), "b": Stream("b", 16, (2,))}, {}, "in", "all streams need one width, these differ: a 8, b 16"),
        ({"a": Stream("a", 8, (2,))}, {"heads": 3}, "heads", "3 heads do not divide the width 8"),
        ({"multimodal": Stream("m", 8, (2,))}, {"heads": 2}, "in", "clashes with the multimodal Transformer"),
        (
            {"a": Stream("a", 8, (2,)), "multimodal_a": Stream("m", 8, (2,))},
            {"heads": 2},
            "in",
            "'multimodal_a' clashes with the multimodal Transformer",
        ),
    ],
)
def test_streams_that_do_not_fit_are_refused(streams: dict[str, Stream], options: dict, field: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        PEMT(**options).outputs(streams)
    assert refused.value.field == field


TINY = [
    *(f"data.{name}.modalities.video.size=16" for name in ("paired", "train")),
    *(f"data.{name}.modalities.video.fps=4" for name in ("paired", "train")),
    *(f"data.{name}.modalities.audio.bins=16" for name in ("paired", "train")),
    *(f"data.{name}.samples=32" for name in ("paired", "train")),
    *(f"data.{name}.batch_size=8" for name in ("paired", "train")),
    *("stages.pretrain.steps=4", "stages.finetune.steps=1", "stages.pretrain.checkpoint_every=2"),
    *("stages.pretrain.schedule.warmup=1", "stages.finetune.schedule.warmup=1"),
    *("stages.evaluate=!delete", "data.test=!delete"),
    *("stages.pretrain.objectives.video.negatives=6", "graph.encoder.depth=2", "graph.encoder.dropout=0.1"),
    *("graph.video_net.blocks=[1, 1]", "graph.video_net.frames=[1, 1, 1]", "graph.audio_net.blocks=[1, 1]"),
]


@pytest.fixture
def small(plugins: Plugins, clips: Path) -> Callable[[], Experiment]:
    roots = [f"data.{name}.root={clips / 'data'}" for name in ("paired", "train")]
    caches = [f"data.{name}.cache=false" for name in ("paired", "train")]
    return lambda: read("pemt-tiny", plugins, [*TINY, *roots, *caches])


def test_what_a_transform_adds_belongs_to_the_stage_that_has_it(small: Callable[[], Experiment]) -> None:
    experiment = small()
    assert experiment.stage_inputs(experiment.stages["pretrain"]) == {"video", "audio", "matched"}
    assert experiment.stage_inputs(experiment.stages["finetune"]) == {"video", "audio", "label"}


def test_a_stopped_run_ends_with_the_weights_of_one_that_was_not(
    small: Callable[[], Experiment], tmp_path: Path, monkeypatch
) -> None:
    run_experiment(small(), tmp_path / "whole", device="cpu", quiet=True)
    with monkeypatch.context() as patch:
        answers = iter([False, False, False, True])
        patch.setattr(Context, "should_stop", lambda run, step=0: next(answers))
        with pytest.raises(StoppedError):
            run_experiment(small(), tmp_path / "parts", device="cpu", quiet=True)
    run_experiment(small(), tmp_path / "parts", device="cpu", quiet=True)
    for stage in ("pretrain", "finetune"):
        whole, parts = (read_weights(tmp_path / name / f"stages/{stage}/weights.safetensors") for name in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[name], parts[name]) for name in whole)
