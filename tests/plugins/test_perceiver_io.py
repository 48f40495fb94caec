"""Perceiver IO: published sizes, chunks, absence, tiles, and what a config is told that does not fit. Axes as in the plugin."""

from __future__ import annotations

import attrs
import pytest
import torch
from torch import Tensor

from antifaz.analysis.cost import forward_flops
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.plugins.perceiver_io.backbone.spec import ModalityPadding, Perceiver, PerceiverDecoder
from antifaz.plugins.perceiver_io.front_ends.spec import ArrayPatches, ConvStem, Entities, FourierPositions, VocabularyEmbeddings
from antifaz.plugins.perceiver_io.outputs.spec import BlendTiles, CutTiles, TokenValues
from antifaz.plugins.perceiver_io.weights.conversion import translate
from antifaz.registry import SpecError

# Source: facts of transformers' models (parameters) and of Jaegle et al. 2022, tables of appendix E (FLOPs).
PARAMETERS = {
    "perceiver-mlm-bytes": 201_108_230,
    "perceiver-mlm-sentencepiece": 223_155_456,
    "perceiver-io++": 425_607_430,
    "perceiver-imagenet-fourier": 48_440_627,
    "perceiver-imagenet-learned": 62_255_848,
    "perceiver-imagenet-conv": 48_646_522,
    "perceiver-flow": 41_057_134,
    "perceiver-flow-small": 27_908_974,
    "perceiver-flow-sintel": 41_057_134,
    "perceiver-multimodal": 19_858_855,
    "perceiver-audioset-raw": 24_922_228,
    "perceiver-audioset-mel": 86_568_052,
}
FLOPS = {
    "perceiver-imagenet-fourier": 407e9,
    "perceiver-imagenet-conv": 369e9,
    "perceiver-flow-small": 987e9,
    "perceiver-audioset-raw": 52.9e9,
    "perceiver-audioset-mel": 129.5e9,
}

LATENTS = Stream("latents", 16, (3,), latent=True)
VIDEO, AUDIO = Stream("video", 8, (2, 3)), Stream("audio", 8, (4,))


def tokens(stream: Stream, batch: int = 2, valid: Tensor | None = None, seed: int = 0) -> Tokens:
    values = torch.randn(batch, *stream.dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Tokens(values, stream.grid, valid=valid)


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_parameters_and_flops(plugins, name: str) -> None:
    wiring = read(f"models/{name}", plugins).wirings[""]
    graph = build_graph(wiring, device="meta")
    assert sum(p.numel() for p in graph.parameters()) == PARAMETERS[name]
    if name in FLOPS:
        counted = forward_flops(graph, fake_batch(wiring.inputs, 1, "meta"), ["logits" if "logits" in wiring.nodes else "flow"])
        assert sum(counted.values()) == pytest.approx(FLOPS[name], rel=0.01)


@pytest.mark.parametrize("chunks", [2, 3, 100])
def test_chunks_change_nothing(chunks: int) -> None:
    group = {"video": VIDEO, "audio": AUDIO, "latents": LATENTS}
    whole, parts = (PerceiverDecoder(heads=2, width=5, chunks=n).build(group).double() for n in (1, chunks))
    parts.load_state_dict(whole.state_dict())
    streams = {name: tokens(stream) for name, stream in group.items()}
    expected = whole(streams)
    for name, found in parts(streams).items():
        torch.testing.assert_close(found.values, expected[name].values, rtol=1e-12, atol=1e-12)
        assert found.grid == group[name].grid


def test_a_sample_without_input_is_zero_and_invalid_to_the_end() -> None:
    encoder = Perceiver(layers=1, self_heads=2).build({"video": VIDEO, "audio": AUDIO, "latents": LATENTS}).double()
    decoder = PerceiverDecoder(width=5).build({"query": attrs.evolve(AUDIO, name="query"), "latents": LATENTS}).double()
    there = torch.tensor([True, False])
    inputs = {s.name: tokens(s, valid=there[:, None].expand(-1, s.tokens)) for s in (VIDEO, AUDIO)}
    inputs["latents"] = tokens(LATENTS)
    latents = encoder(inputs)["latents"]
    answer = decoder({"query": tokens(AUDIO), "latents": latents})["query"]
    for found in (latents, answer):
        assert found.valid is not None
        assert found.valid[0].all()
        assert not found.valid[1].any()
        assert not found.values[1].any()
        assert found.values[0].all()
    alone = encoder({"latents": tokens(LATENTS)})["latents"]
    assert not alone.values.any()
    assert alone.valid is not None
    assert not alone.valid.any()


def test_one_modality_given_equals_a_model_of_that_modality() -> None:
    both = Perceiver(layers=2, self_heads=2).build({"video": VIDEO, "audio": AUDIO, "latents": LATENTS}).double()
    one = Perceiver(layers=2, self_heads=2).build({"audio": AUDIO, "latents": LATENTS}).double()
    one.load_state_dict(both.state_dict())
    heard = {"audio": tokens(AUDIO), "latents": tokens(LATENTS)}
    absent = {**heard, "video": tokens(VIDEO, valid=torch.zeros(2, VIDEO.tokens, dtype=torch.bool))}
    expected = one(heard)["latents"].values
    assert torch.equal(both(heard)["latents"].values, expected)
    torch.testing.assert_close(both(absent)["latents"].values, expected, rtol=1e-12, atol=1e-12)


def test_nothing_of_inputs_by_latents_is_kept_for_backward() -> None:
    long = Stream("video", 8, (64, 64))
    encoder = Perceiver(layers=1, self_heads=2).build({"video": long, "latents": LATENTS}).double()
    kept: list[tuple[int, ...]] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(tuple(t.shape)) or t, lambda t: t):
        encoder({"video": tokens(long), "latents": tokens(LATENTS)})
    assert kept
    assert not [shape for shape in kept if shape[-2:] in ((3, 4096), (4096, 3))]


def test_fourier_positions_by_hand() -> None:
    table = FourierPositions(bands=2, resolution=(8, 4)).build((3, 2))(torch.zeros((), dtype=torch.float64))
    x, y = 1.0, -1.0  # the last row, the first column
    angles = torch.pi * torch.tensor([x * 1, x * 4, y * 1, y * 2], dtype=torch.float64)
    expected = torch.cat([torch.tensor([x, y], dtype=torch.float64), angles.sin(), angles.cos()])
    torch.testing.assert_close(table[4], expected, rtol=0, atol=2e-6)
    first = FourierPositions(bands=1, ends="first").build((4,))(torch.zeros(()))
    assert first[:, 0].tolist() == [-1.0, -0.5, 0.0, 0.5]


def test_patches_keep_rows_columns_channels() -> None:
    module = ArrayPatches(patch=(2, 2)).build({"image": Shape((3, 4, 4))})
    image = torch.arange(48.0).view(1, 3, 4, 4)
    found = module(image)
    assert found.grid == (2, 2)
    expected = [image[0, c, y, x].item() for y in (0, 1) for x in (2, 3) for c in range(3)]
    assert found.values[0, 1].tolist() == expected


def test_conv_stem_counts_valid_samples_alone_in_training() -> None:
    one, two = (ConvStem(width=4).build({"image": Shape((3, 16, 16))}) for _ in range(2))
    two.load_state_dict(one.state_dict())
    images = torch.randn(3, 3, 16, 16)
    present = torch.tensor([True, True, False])
    images[2] = 1e4
    torch.testing.assert_close(two(images, present).values[:2], one(images[:2]).values, rtol=1e-4, atol=1e-5)


def test_the_stem_pads_as_the_authors_or_as_transformers() -> None:
    image = {"image": Shape((3, 224, 224))}
    assert ConvStem().outputs(image).grid == (56, 56)
    assert ConvStem(padding="symmetric").outputs(image).grid == (55, 55)


def test_padding_and_entities_that_do_not_exist_are_invalid() -> None:
    text = VocabularyEmbeddings(vocabulary=5, width=4, padding=0).build({"text": Shape((3,), "int64")})
    assert text(torch.tensor([[2, 0, 4], [1, 1, 0]]), torch.tensor([True, False])).valid.tolist() == [
        [True, False, True],
        [False] * 3,
    ]
    units = Entities(width=4, exists=1).build({"units": Shape((2, 3))})
    assert units(torch.tensor([[[0.0, 1, 0], [1, 0, 1]]])).valid.tolist() == [[True, False]]


def test_masks_replace_tokens_by_chance_in_training_and_all_of_a_hidden_stream() -> None:
    padding = ModalityPadding(width=9, mask={"audio": 1.0, "video": 0.0}).build({"video": VIDEO, "audio": AUDIO})
    streams = {"video": Tokens(torch.randn(2, 6, 8), (2, 3)), "audio": Tokens(torch.randn(2, 4, 8), (4,))}
    for training in (True, False):
        found = padding.train(training)(streams)
        assert torch.equal(found["audio"].values, padding.masks["audio"].expand(2, 4, 9))
        assert torch.equal(found["video"].values[..., :8], streams["video"].values)
        assert torch.equal(found["video"].values[..., 8:], padding.padding["video"].expand(2, 6, 1))
    some = ModalityPadding(width=9, mask={"audio": 0.5}).build({"audio": AUDIO})
    many = {"audio": Tokens(torch.randn(500, 4, 8), (4,))}
    replaced = (some(many)["audio"].values == some.masks["audio"]).all(dim=2)
    assert 0.4 < replaced.float().mean() < 0.6
    assert not (some.eval()(many)["audio"].values == some.masks["audio"]).all(dim=2).any()


def test_six_tiles_cover_a_frame_and_blend_to_what_was_cut() -> None:
    cut = CutTiles(size=(368, 496))
    assert cut.corners((436, 1024)) == ((0, 0), (0, 476), (0, 528), (68, 0), (68, 476), (68, 528))
    small, whole = (6, 8), (9, 20)
    frame = torch.randn(2, 2, *whole, dtype=torch.float64)
    tiles = CutTiles(size=small, overlap=2).build({"x": Shape((2, *whole))})({"x": Features(frame)})
    spec = BlendTiles(size=small, overlap=2, picture=whole)
    blend = spec.build({"x": Shape((tiles.values.shape[1], *small, 2))}).double()
    found = blend({"x": Features(tiles.values.movedim(2, -1))}).values
    torch.testing.assert_close(found, frame.movedim(1, -1), rtol=1e-12, atol=1e-12)


def test_overlapping_tiles_count_by_the_distance_from_their_edges() -> None:
    blend = BlendTiles(size=(1, 3), overlap=2, picture=(1, 4)).build({"x": Shape((2, 1, 3, 1))})
    tiles = torch.tensor([[0.0, 0, 0], [4, 4, 4]]).view(1, 2, 1, 3, 1)
    assert blend({"x": Features(tiles)}).values.flatten().tolist() == [0.0, 2.0, 2.0, 4.0]


def test_tiled_flow_is_the_flow_of_each_tile(plugins) -> None:
    tiny = ("graph.latents.tokens=4", "graph.latents.width=16", "graph.encoder.layers=1", "graph.encoder.self_heads=2")
    size = ("inputs.frames=[3, 2, 9, 12]", "graph.tiles.size=[6, 8]", "graph.flow.size=[6, 8]", "graph.flow.picture=[9, 12]")
    overlap = ("graph.tiles.overlap=2", "graph.flow.overlap=2")
    wiring = read("models/perceiver-flow-sintel", plugins, (*tiny, *size, *overlap)).wirings[""]
    graph = build_graph(wiring).double().eval()
    single = build_graph(read("models/perceiver-flow", plugins, (*tiny, "inputs.frames=[3, 2, 6, 8]")).wirings[""]).double().eval()
    single.load_weights(graph.weights(), ["pixels", "latents", "encoder", "decoder"])
    frames = torch.randn(2, 3, 2, 9, 12, dtype=torch.float64)
    found = graph({"frames": Features(frames)}, ["tile_flow"])["tile_flow"].values
    for i, (y, x) in enumerate(((0, 0), (0, 4), (3, 0), (3, 4))):
        tile = frames[..., y : y + 6, x : x + 8]
        expected = single({"frames": Features(tile)}, ["flow"])["flow"].values
        torch.testing.assert_close(found[:, i], expected, rtol=1e-12, atol=1e-12)
    assert graph({"frames": Features(frames)}, ["flow"])["flow"].values.shape == (2, 9, 12, 2)


def test_unknown_names_of_a_foreign_state_are_kept_for_the_report() -> None:
    parts = translate({"perceiver.embeddings.latents": torch.zeros(2, 3), "bert.pooler": torch.ones(1)})
    assert {part: list(own) for part, own in parts.items()} == {"latents": ["values"], "": ["bert.pooler"]}


def test_a_depth_that_no_check_could_count_is_refused() -> None:
    with pytest.raises(SpecError, match="more than 1000 layers"):
        Perceiver(layers=6, blocks=48_646_522)


@pytest.mark.parametrize(
    ("spec", "inputs", "field"),
    [
        (Perceiver(layers=1), {"latents": LATENTS}, "in"),
        (Perceiver(layers=1), {"video": VIDEO, "audio": Stream("audio", 9, (4,)), "latents": LATENTS}, "in"),
        (Perceiver(layers=1), {"video": VIDEO, "audio": AUDIO}, "latents"),
        (Perceiver(layers=1, latents="lattents"), {"video": VIDEO, "latents": LATENTS}, "latents"),
        (Perceiver(layers=1, cross_heads=3), {"video": VIDEO, "latents": LATENTS}, "cross_heads"),
        (Perceiver(layers=1, self_heads=3), {"video": VIDEO, "latents": LATENTS}, "self_heads"),
        (PerceiverDecoder(heads=3), {"video": VIDEO, "latents": LATENTS}, "heads"),
        (PerceiverDecoder(), {"latents": LATENTS}, "in"),
        (ModalityPadding(width=7), {"video": VIDEO}, "width"),
        (ModalityPadding(width=9, mask={"vidio": 0.5}), {"video": VIDEO}, "mask"),
        (ArrayPatches(patch=(3, 2)), {"image": Shape((3, 4, 4))}, "patch"),
        (ArrayPatches(patch=(2,)), {"image": Shape((3, 4, 4))}, "patch"),
        (ArrayPatches(patch=(2,), surroundings=1), {"sound": Shape((4,))}, "surroundings"),
        (
            ArrayPatches(patch=(2, 2), fourier_positions=FourierPositions(bands=2), combine="add"),
            {"i": Shape((3, 4, 4))},
            "combine",
        ),
        (VocabularyEmbeddings(vocabulary=5, width=4), {"text": Shape((3,))}, "in"),
        (TokenValues(layout="vector"), {"video": VIDEO}, "layout"),
        (CutTiles(size=(8, 8)), {"x": Shape((3, 6, 9))}, "size"),
        (CutTiles(size=(8, 8), overlap=7), {"x": Shape((400, 400))}, "overlap"),
        (BlendTiles(size=(4, 4), overlap=1, picture=(8, 8)), {"x": Shape((2, 4, 4, 1))}, "in"),
    ],
)
def test_mistakes_are_told_at_their_option(spec, inputs, field: str) -> None:
    with pytest.raises(SpecError) as refused:
        spec.outputs(inputs)
    assert refused.value.field == field
