"""Swin against torchvision's SwinTransformer and SwinTransformer3d, with their random weights.

The 2D models get the image as a video of one frame, in windows of two numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import swin_b, swin_s, swin_t
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.video import swin3d_b, swin3d_s, swin3d_t
from torchvision.models.video.swin_transformer import SwinTransformer3d

from antifaz.analysis.check.report import check
from antifaz.core.experiment import PretrainedPart, read
from antifaz.core.graph.module import build_graph
from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features
from antifaz.engine.training.initialization import initialize
from antifaz.plugins.classification.spec import LinearHeads
from antifaz.plugins.pooling.spec import MeanReadout
from antifaz.plugins.swin.spec import Swin
from antifaz.plugins.swin.weights.conversion import translate
from antifaz.plugins.swin.windows import fitted_table, relative_index
from antifaz.plugins.video.spec import Tubelets
from antifaz.registry import component_of

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
CLASSES = 5


def redrawn(model: nn.Module) -> nn.Module:
    """With parameters that leave nothing at zero: biases, norms and tables too."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.3
            parameter.copy_(noise * scale + (1.0 if parameter.dim() == 1 else 0.0))
    return model.eval()


def ours(theirs: nn.Module, patch: tuple[int, int, int], video: Sequence[int], swin: Swin) -> Callable[[Tensor], Tensor]:
    """The same model of our parts, with the weights of theirs; every weight has a place, and every place a weight."""
    parts = translate(theirs.state_dict())
    assert not parts[""]
    width = len(parts["patches"]["project.bias"])
    arriving = {"video": Shape(tuple(video))}
    tokenizer = Tubelets(patch=patch, width=width, positions="none")
    stream = tokenizer.outputs(arriving)
    left = swin.outputs({"video": stream})
    pooled = MeanReadout().outputs(left)
    modules = {
        "patches": tokenizer.build(arriving),
        "encoder": swin.build({"video": stream}),
        "head": LinearHeads(classes=len(parts["head"]["map.bias"])).build(pooled),
    }
    dtype = next(theirs.parameters()).dtype
    for name, module in modules.items():
        adapt = getattr(module, "adapt", dict)
        module.to(dtype).eval().load_state_dict(adapt(parts[name]))
    mean = MeanReadout().build(left)
    assert isinstance(left["video"], Stream)

    def run(x: Tensor) -> Tensor:
        tokens = modules["encoder"]({"video": modules["patches"](x)})
        assert tokens["video"].grid == left["video"].grid
        return modules["head"](mean(tokens)).values

    return run


def compare(theirs: nn.Module, shape: tuple[int, ...], patch: tuple[int, int, int], swin: Swin, dtype: torch.dtype) -> None:
    theirs = redrawn(theirs).to(dtype)
    image = len(shape) == 3
    run = ours(theirs, patch, (shape[0], 1, *shape[1:]) if image else shape, swin)
    x = torch.randn(2, *shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    with torch.no_grad():
        expected = theirs(x)
        got = run(x[:, :, None] if image else x)
    assert expected.abs().max() > 0.1, "a comparison of nothing"
    assert float((got - expected).abs().max()) <= TOLERANCE[dtype]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(
    ("window", "size"),
    [
        pytest.param((2, 2), (16, 16), id="divisible"),
        pytest.param((3, 2), (14, 22), id="odd grids, padded windows and mergings"),
        pytest.param((5, 4), (10, 26), id="windows larger than the grid along one axis"),
        pytest.param((7, 7), (8, 8), id="windows larger than every grid"),
    ],
)
def test_images_as_in_torchvision(window: tuple[int, int], size: tuple[int, int], dtype: torch.dtype) -> None:
    theirs = SwinTransformer([2, 2], 8, [2, 2], [2, 4], list(window), num_classes=CLASSES)
    compare(theirs, (3, *size), (1, 2, 2), Swin(depths=(2, 2), heads=(2, 4), window=window), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(
    ("window", "size"),
    [
        pytest.param((2, 2, 2), (8, 16, 16), id="divisible"),
        pytest.param((2, 3, 2), (6, 14, 22), id="odd grids, padded windows and mergings"),
        pytest.param((8, 3, 3), (6, 18, 14), id="windows longer than the clip"),
        pytest.param((2, 5, 4), (6, 14, 10), id="windows that shrink in the last stage"),
        pytest.param((8, 7, 7), (4, 8, 8), id="windows larger than every grid"),
    ],
)
def test_video_as_in_torchvision(window: tuple[int, int, int], size: tuple[int, int, int], dtype: torch.dtype) -> None:
    theirs = SwinTransformer3d([2, 2, 2], 8, [2, 2], [2, 4], list(window), num_classes=CLASSES)
    compare(theirs, (3, *size), (2, 2, 2), Swin(depths=(2, 2), heads=(2, 4), window=window), dtype)


def test_three_stages_count_mergings_right() -> None:
    theirs = SwinTransformer3d([1, 2, 2], 4, [1, 2, 1], [1, 2, 2], [2, 2, 2], num_classes=CLASSES)
    compare(theirs, (3, 3, 18, 16), (1, 2, 2), Swin(depths=(1, 2, 1), heads=(1, 2, 2), window=(2, 2, 2)), torch.float64)


def test_what_swin_v2_has_more_stays_over() -> None:
    state = {"features.1.0.attn.logit_scale": torch.ones(1), "features.1.0.attn.qkv.bias": torch.ones(3), "x": torch.ones(1)}
    parts = translate(state)
    assert set(parts[""]) == {"features.1.0.attn.logit_scale", "x"}
    assert set(parts["encoder"]) == {"stages.0.blocks.0.attention.qkv.bias"}


ZORRO = """
name: small-zorro-swin
inputs: {video: [3, 6, 16, 16], audio: [16, 16]}
graph:
  video:   {use: tubelets, in: batch.video, patch: [2, 2, 2], width: 8, positions: none}
  audio:   {use: spectrogram_patches, in: batch.audio, patch: [2, 2], width: 8, positions: none}
  fusion:  {use: latents, tokens: 2, width: 8}
  encoder: {use: swin, in: [video, audio, fusion], mask: zorro, depths: [2, 2], heads: [2, 4], window: WINDOW}
  pooled:  {use: mean_readout, in: encoder}
"""


@pytest.mark.parametrize("window", [(3, 2, 2), (2, 2)], ids=["from video", "from images"])
def test_zorro_swin_starts_from_published_weights(plugins, tmp_path: Path, window: tuple[int, ...]) -> None:
    """Its video stream answers as the published video model, its audio stream as the published image model in windows of 2 x 2."""
    torch.manual_seed(0)
    if len(window) == 3:
        theirs = redrawn(SwinTransformer3d([2, 2, 2], 8, [2, 2], [2, 4], list(window)))
    else:
        theirs = redrawn(SwinTransformer([2, 2], 8, [2, 2], [2, 4], list(window)))
    save_file(dict(theirs.state_dict()), tmp_path / "theirs.safetensors")
    (tmp_path / "zorro.yaml").write_text(ZORRO.replace("WINDOW", "{video: [3, 2, 2], audio: [2, 2]}"))
    graph = build_graph(read(tmp_path / "zorro.yaml", plugins).wiring).eval()
    spec = component_of(f"{{use: torchvision_swin, file: {tmp_path / 'theirs.safetensors'}}}", "weights", plugins.catalogue)
    nodes = {"video": "patches", "encoder": "encoder"} | ({"audio": "patches"} if len(window) == 2 else {})
    said = initialize(graph, {node: PretrainedPart(part=part, weights=spec) for node, part in nodes.items()}, {})
    assert "encoder.mergings.0.latents.bias is not given, and filled in by its module" in said
    theirs.head = nn.Identity()
    if len(window) == 3:
        x = torch.randn(2, 3, 6, 16, 16)
        got = graph({"video": Features(x)}, ["pooled.video"])["pooled.video"].values
    else:
        # A spectrogram has one channel, and its kernel is the mean of the colours'.
        spectrum = torch.randn(2, 16, 16)
        x = spectrum[:, None].expand(-1, 3, -1, -1) / 3
        got = graph({"audio": Features(spectrum)}, ["pooled.audio"])["pooled.audio"].values
    with torch.no_grad():
        assert float((got - theirs(x)).abs().max()) <= TOLERANCE[torch.float32]


def test_tables_span_more_or_less_time() -> None:
    flat = torch.arange(18.0).view(9, 2)
    long = fitted_table(flat, 45)
    index = relative_index((3, 2, 2))
    assert torch.equal(long[index][:4, 8:], flat[relative_index((1, 2, 2))])
    assert torch.equal(fitted_table(torch.cat([flat + 1, flat, flat + 2]), 9), flat)
    assert fitted_table(flat, 18) is flat
    assert fitted_table(flat, 25) is flat


PUBLISHED = {
    "swin-t": (swin_t, 28_288_354, 8.981133312e9),
    "swin-s": (swin_s, 49_606_258, 17.481750528e9),
    "swin-b": (swin_b, 87_768_224, 30.861893632e9),
    "swin3d-t": (swin3d_t, 28_158_070, 175.52830464e9),
    "swin3d-s": (swin3d_s, 49_816_678, 331.364524032e9),
    "swin3d-b": (swin3d_b, 88_048_984, 562.665652224e9),
}


@pytest.mark.parametrize("name", [n if n.endswith("-t") else pytest.param(n, marks=pytest.mark.slow) for n in PUBLISHED])
def test_published_sizes_count_as_in_torchvision(plugins, name: str) -> None:
    """torchvision prints half of the 3D figures: it counts 16 frames, and its weights are made for 32."""
    _, parameters, flops = PUBLISHED[name]
    report = check(read(f"models/{name}", plugins))
    assert report.parameters == parameters
    assert report.flops == flops


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_as_in_torchvision(plugins, name: str) -> None:
    build, parameters, flops = PUBLISHED[name]
    theirs = redrawn(build())
    experiment = read(f"models/{name}", plugins)
    graph = build_graph(experiment.wiring).eval()
    parts = translate(theirs.state_dict())
    ((modality, shape),) = experiment.wiring.inputs.items()
    nodes = {"patches": modality, "encoder": "encoder", "head": "labels"}
    graph.load_weights({f"{nodes[part]}.{name}": value for part, state in parts.items() for name, value in state.items()})
    x = torch.randn(1, *shape.dims, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        image = modality == "image"
        with FlopCounterMode(display=False) as counter:
            expected = theirs(x[:, :, 0] if image else x)
        got = graph({modality: Features(x)}, ["labels"])["labels"].values
    assert sum(p.numel() for p in theirs.parameters()) == parameters
    assert counter.get_total_flops() == flops
    assert float((got - expected).abs().max()) <= TOLERANCE[torch.float32]
