"""The shipped Perceiver IO graphs against transformers' models with the same weights, all re-drawn so that none is zero.

The default run makes the graphs and the models tiny; the published sizes are slow.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import PretrainedPart, read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.tokens import Features
from antifaz.engine.training.initialization import initialize
from antifaz.plugins.perceiver_io.weights.conversion import translate
from antifaz.plugins.perceiver_io.weights.spec import ARCHITECTURES, PARTS, TransformersPerceiver

transformers = pytest.importorskip("transformers")

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
LATENTS = {"num_latents": 6, "d_latents": 32, "num_self_attends_per_block": 2, "num_self_attention_heads": 4}
TINY = ("graph.latents.tokens=6", "graph.latents.width=32", "graph.encoder.layers=2", "graph.encoder.self_heads=4")
CLASSES = {"id2label": {i: str(i) for i in range(7)}, "label2id": {str(i): i for i in range(7)}}


def reference(model: str, dtype: torch.dtype, **config: object) -> nn.Module:
    """A model of transformers with random weights, in evaluation mode."""
    made = getattr(transformers, model)(transformers.PerceiverConfig(**config)).to(dtype).eval()
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, value in made.state_dict().items():
            if value.is_floating_point():
                noise = torch.randn(value.shape, generator=generator, dtype=torch.float64)
                scale = value.shape[-1] ** -0.5 if value.dim() > 1 and "position" not in name else 0.2
                centre = 1.0 if value.dim() == 1 and ("norm" in name and name.endswith("weight")) else 0.0
                value.copy_(noise.abs() + 0.5 if name.endswith("running_var") else centre + scale * noise)
    return made


def ours(plugins, name: str, model: nn.Module, dtype: torch.dtype, *overrides: str) -> Graph:
    """A shipped graph with this model's weights; every name on both sides must have found its partner."""
    graph = build_graph(read(f"models/{name}", plugins, overrides).wirings[""]).to(dtype).eval()
    parts = translate(model.state_dict())
    weights = {f"{part}.{key}": value for part, own in parts.items() for key, value in own.items()}
    graph.load_weights(weights)
    assert sorted(weights) == sorted(graph.weights())
    return graph


@pytest.mark.parametrize("safe", [True, False])
def test_a_local_folder_gives_a_graph_its_weights(plugins, tmp_path: Path, safe: bool) -> None:
    model = reference("PerceiverForMaskedLM", torch.float32, **LATENTS, **MLM, qk_channels=16, v_channels=32)
    model.save_pretrained(tmp_path)
    if not safe:
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        (tmp_path / "model.safetensors").unlink()
    spec = TransformersPerceiver(folder=str(tmp_path), model="masked_language")
    graph = build_graph(read("models/perceiver-mlm-bytes", plugins, MLM_TINY + MLM_QUERY).wirings[""]).eval()
    initialize(graph, {part: PretrainedPart(part=part, weights=spec) for part in spec.parts}, {}, needed=spec.parts)
    ids = texts(2, 10, 20)
    (got,) = answers(graph, "logits", text=ids).values()
    equal(got, theirs(model, inputs=ids, attention_mask=(ids != 0).long()))
    with pytest.raises(WeightsError, match="masked_language, not optical_flow"):
        TransformersPerceiver(folder=str(tmp_path), model="optical_flow").read()


def test_the_parts_of_every_model_are_told_before_it_is_read() -> None:
    for architecture, kind in ARCHITECTURES.items():
        config = {**LATENTS, **MLM, **SMALL_CLIP, **CLASSES, "num_cross_attention_heads": 1, "train_size": [6, 8]}
        state = reference(architecture, torch.float32, **config, qk_channels=None, v_channels=None).state_dict()
        assert set(translate(state)) == set(PARTS[kind]), architecture


def answers(graph: Graph, *outputs: str, **batch: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        found = graph({name: Features(values) for name, values in batch.items()}, outputs)
    return {name: value.values for name, value in found.items()}


def theirs(model: nn.Module, **inputs: object) -> Tensor | Mapping[str, Tensor]:
    with torch.no_grad():
        return model(**inputs).logits


def equal(got: Tensor, expected: Tensor) -> None:
    assert got.shape == expected.shape
    assert expected.std() > 1e-4
    assert float((got - expected).abs().max()) <= TOLERANCE[got.dtype]


def random(*size: int, dtype: torch.dtype, seed: int = 3) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def texts(batch: int, length: int, vocabulary: int) -> Tensor:
    """Numbers of the vocabulary; the second text is short and filled up with 0."""
    ids = torch.randint(1, vocabulary, (batch, length), generator=torch.Generator().manual_seed(3))
    ids[1:, length // 2 :] = 0
    return ids


MLM = {"d_model": 16, "vocab_size": 20, "max_position_embeddings": 10, "num_cross_attention_heads": 8}
MLM_TINY = (
    *TINY,
    "inputs.text.shape=[10]",
    "graph.text.width=16",
    "graph.text.vocabulary=20",
    "graph.encoder.qk_width=16",
    "graph.encoder.v_width=32",
)


MLM_QUERY = ("graph.query.tokens=10", "graph.query.width=16", "graph.decoder.v_width=16", "graph.logits.vocabulary=20")


@BOTH
@pytest.mark.parametrize("name", ["perceiver-mlm-bytes", "perceiver-mlm-sentencepiece", "perceiver-io++"])
def test_masked_language_model(plugins, name: str, dtype: torch.dtype) -> None:
    model = reference("PerceiverForMaskedLM", dtype, **LATENTS, **MLM, qk_channels=16, v_channels=32)
    graph = ours(plugins, name, model, dtype, *MLM_TINY, *MLM_QUERY)
    ids = texts(2, 10, 20)
    (got,) = answers(graph, "logits", text=ids).values()
    equal(got, theirs(model, inputs=ids, attention_mask=(ids != 0).long()))


@BOTH
def test_classification_of_texts(plugins, dtype: torch.dtype) -> None:
    model = reference("PerceiverForSequenceClassification", dtype, **LATENTS, **MLM, **CLASSES, qk_channels=16, v_channels=32)
    graph = ours(plugins, "perceiver-glue-bytes", model, dtype, *MLM_TINY, "graph.query.width=32", "graph.decoder.width=7")
    ids = texts(2, 10, 20)
    (got,) = answers(graph, "logits", text=ids).values()
    equal(got, theirs(model, inputs=ids, attention_mask=(ids != 0).long()))


IMAGES = {
    "fourier": ("Fourier", 12, ("graph.image.fourier_positions.resolution=[224, 224]",)),
    "learned": ("Learned", 6, ()),
    "conv": ("ConvProcessing", 22, ("graph.image.padding=symmetric",)),
}


@BOTH
@pytest.mark.parametrize("front", IMAGES)
def test_classification_of_images(plugins, front: str, dtype: torch.dtype) -> None:
    kind, size, overrides = IMAGES[front]
    heads = {"num_cross_attention_heads": 1, "num_blocks": 3, "image_size": size}
    model = reference(f"PerceiverForImageClassification{kind}", dtype, **LATENTS, **CLASSES, **heads)
    small = (f"inputs.image=[3, {size}, {size}]", "graph.encoder.blocks=3", "graph.query.width=32", "graph.decoder.width=7")
    graph = ours(plugins, f"perceiver-imagenet-{front}", model, dtype, *TINY, *small, *overrides)
    image = random(2, 3, size, size, dtype=dtype)
    (got,) = answers(graph, "logits", image=image).values()
    equal(got, theirs(model, inputs=image))


def neighbours(frames: Tensor) -> Tensor:
    """(B, 3, 2, H, W) -> (B, 2, 27, H, W): each pixel's 3x3 surroundings by row, column and channel, as transformers wants them."""
    batch, _, _, height, width = frames.shape
    columns = F.unfold(frames.transpose(1, 2).flatten(0, 1), 3, padding=1)
    return columns.view(batch, 2, 3, 9, height, width).transpose(2, 3).reshape(batch, 2, 27, height, width)


@BOTH
@pytest.mark.parametrize("name", ["perceiver-flow", "perceiver-flow-small"])
def test_optical_flow(plugins, name: str, dtype: torch.dtype) -> None:
    model = reference("PerceiverForOpticalFlow", dtype, **LATENTS, num_cross_attention_heads=1, train_size=[6, 8])
    graph = ours(plugins, name, model, dtype, *TINY, "inputs.frames=[3, 2, 6, 8]")
    frames = random(2, 3, 2, 6, 8, dtype=dtype)
    (got,) = answers(graph, "flow", frames=frames).values()
    equal(got, theirs(model, inputs=neighbours(frames)))


SMALL_CLIP = {
    "num_frames": 2,
    "image_size": 8,
    "audio_samples_per_frame": 32,
    "samples_per_patch": 16,
    "output_shape": [1, 2, 8, 8],
    "output_num_channels": 12,
    "num_cross_attention_heads": 1,
}
SMALL_CLIP_OVERRIDES = (
    "inputs={video: [3, 2, 8, 8], audio: [64], label: [7]}",
    "graph.video.fourier_positions.resolution=[2, 8, 8]",
    "graph.audio.fourier_positions.resolution=[64]",
    "graph.inputs.width=405",
    "graph.inputs.mask.label=1.0",
    "graph.video_query.grid=[2, 8, 8]",
    "graph.audio_query.grid=[4]",
    "graph.audio_query.fourier_positions.resolution=[64]",
    "graph.decoder.width=12",
    "graph.decoder.chunks=3",
    "graph.label_out.width=7",
)


@BOTH
def test_multimodal_autoencoding(plugins, dtype: torch.dtype) -> None:
    model = reference("PerceiverForMultimodalAutoencoding", dtype, **LATENTS, **CLASSES, **SMALL_CLIP)
    graph = ours(plugins, "perceiver-multimodal", model, dtype, *TINY, *SMALL_CLIP_OVERRIDES)
    autoencode(model, graph, (2, 8, 8), 64, 7, dtype)


def autoencode(model: nn.Module, graph: Graph, clip: tuple[int, int, int], samples: int, classes: int, dtype: torch.dtype) -> None:
    video, audio, label = random(1, 3, *clip, dtype=dtype), random(1, samples, dtype=dtype), random(1, classes, dtype=dtype)
    points = {"image": torch.arange(clip[0] * clip[1] * clip[2]), "audio": torch.arange(samples // 16), "label": None}
    inputs = {"image": video.transpose(1, 2), "audio": audio[..., None], "label": label}
    expected = theirs(model, inputs=inputs, subsampled_output_points=points)
    got = answers(graph, "video_out", "audio_out", "label_out", video=video, audio=audio, label=label)
    equal(got["video_out"].flatten(1, 3), expected["image"])
    equal(got["audio_out"], expected["audio"])
    equal(got["label_out"], expected["label"])


LANGUAGE = {"d_model": 768, "d_latents": 1280, "num_latents": 256, "qk_channels": 256, "num_cross_attention_heads": 8}
IMAGENET = {"num_cross_attention_heads": 1, "num_latents": 512, "d_latents": 1024, "num_self_attends_per_block": 6, "num_blocks": 8}
MANY = {"id2label": {i: str(i) for i in range(1000)}, "label2id": {str(i): i for i in range(1000)}}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["perceiver-mlm-bytes", "perceiver-mlm-sentencepiece", "perceiver-io++"])
def test_masked_language_model_at_published_size(plugins, name: str) -> None:
    wide = {"num_self_attends_per_block": 26, "v_channels": 1280}
    if name == "perceiver-io++":
        wide = {"num_self_attends_per_block": 40, "v_channels": 1536, "d_latents": 1536}
    length, vocabulary = (512, 32000) if name == "perceiver-mlm-sentencepiece" else (2048, 262)
    more = {"vocab_size": vocabulary, "max_position_embeddings": length}
    model = reference("PerceiverForMaskedLM", torch.float32, **{**LANGUAGE, **wide, **more})
    graph = ours(plugins, name, model, torch.float32)
    ids = texts(1, length, vocabulary)
    (got,) = answers(graph, "logits", text=ids).values()
    equal(got, theirs(model, inputs=ids))


@pytest.mark.slow
@pytest.mark.parametrize("front", IMAGES)
def test_classification_of_images_at_published_size(plugins, front: str) -> None:
    kind, _, overrides = IMAGES[front]
    model = reference(f"PerceiverForImageClassification{kind}", torch.float32, **IMAGENET, **MANY, image_size=224)
    graph = ours(plugins, f"perceiver-imagenet-{front}", model, torch.float32, *overrides)
    image = random(1, 3, 224, 224, dtype=torch.float32)
    (got,) = answers(graph, "logits", image=image).values()
    equal(got, theirs(model, inputs=image))


@pytest.mark.slow
def test_optical_flow_at_published_size(plugins) -> None:
    # transformers holds the weights of attention, pixels x latents: the network is of the published size, the pictures are not.
    sizes = {"num_latents": 2048, "d_latents": 512, "num_self_attends_per_block": 24, "num_self_attention_heads": 16}
    model = reference("PerceiverForOpticalFlow", torch.float32, **sizes, num_cross_attention_heads=1, train_size=[92, 124])
    graph = ours(plugins, "perceiver-flow", model, torch.float32, "inputs.frames=[3, 2, 92, 124]")
    frames = random(1, 3, 2, 92, 124, dtype=torch.float32)
    (got,) = answers(graph, "flow", frames=frames).values()
    equal(got, theirs(model, inputs=neighbours(frames)))


@pytest.mark.slow
def test_multimodal_autoencoding_at_published_size(plugins) -> None:
    # All of the network and of the input; of the output as many points as transformers can hold at once.
    many = {"id2label": {i: str(i) for i in range(700)}, "label2id": {str(i): i for i in range(700)}}
    sizes = {"num_latents": 784, "d_latents": 512, "num_self_attends_per_block": 8, "num_self_attention_heads": 8}
    clip = {**SMALL_CLIP, "num_frames": 16, "image_size": 224, "audio_samples_per_frame": 1920, "output_num_channels": 512}
    model = reference(
        "PerceiverForMultimodalAutoencoding", torch.float32, **many, **sizes, **{**clip, "output_shape": [1, 16, 28, 28]}
    )
    graph = ours(plugins, "perceiver-multimodal", model, torch.float32, *FEWER_POINTS)
    video, audio = random(1, 3, 16, 224, 224, dtype=torch.float32), random(1, 30720, dtype=torch.float32)
    points = {"image": torch.arange(16 * 28 * 28), "audio": torch.arange(1920), "label": None}
    inputs = {"image": video.transpose(1, 2), "audio": audio[..., None], "label": torch.zeros(1, 700)}
    expected = theirs(model, inputs=inputs, subsampled_output_points=points)
    got = answers(graph, "video_out", "audio_out", "label_out", video=video, audio=audio, label=torch.zeros(1, 700))
    equal(got["video_out"].flatten(1, 3), expected["image"])
    equal(got["audio_out"], expected["audio"])
    equal(got["label_out"], expected["label"])


FEWER_POINTS = (
    "graph.video_query.grid=[16, 28, 28]",
    "graph.video_query.fourier_positions.resolution=[16, 224, 224]",
    "graph.inputs.mask.label=1.0",
)
