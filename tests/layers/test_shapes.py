"""Checks of what arrives at a component."""

from __future__ import annotations

import math

import pytest
import torch

from antifaz.core.streams import Shape, Stream
from antifaz.layers.shapes import mlp_width, one_shape, require_heads, require_vectors
from antifaz.plugins.bottleneck.spec import Bottleneck
from antifaz.plugins.pemt.transformers.spec import PEMT
from antifaz.plugins.swin.spec import Swin
from antifaz.plugins.vit.spec import ViT
from antifaz.plugins.zorro.spec import QueryReadout, ZorroMask
from antifaz.registry import SpecError


def test_one_array_of_so_many_axes_is_taken() -> None:
    clip = Shape((3, 8))
    assert one_shape({"clip": clip}, 2, "rows need (rows, columns)") is clip


@pytest.mark.parametrize("value", [Shape((3,)), Shape(()), Shape((3, 8, 8)), Stream("clip", 8, (3,))])
def test_other_axes_and_streams_are_refused(value: Shape | Stream) -> None:
    with pytest.raises(SpecError, match=r"rows need \(rows, columns\), not \[") as caught:
        one_shape({"clip": value}, 2, "rows need (rows, columns)", hint="cut it")
    assert (caught.value.field, caught.value.hint) == ("in", "cut it")


def test_feature_vectors_are_taken() -> None:
    require_vectors({"audio": Shape((8,)), "video": Shape((4,))}, hint="put a readout before it")


@pytest.mark.parametrize("value", [Shape((3, 8)), Shape(()), Stream("video", 8, (3,))])
def test_one_that_is_not_a_feature_vector_is_named(value: Shape | Stream) -> None:
    with pytest.raises(SpecError, match="'video' is not a feature vector") as caught:
        require_vectors({"audio": Shape((8,)), "video": value}, hint="put a readout before it")
    assert (caught.value.field, caught.value.hint) == ("in", "put a readout before it")


def test_heads_divide_the_width() -> None:
    require_heads(4, 8)
    with pytest.raises(SpecError, match="3 heads do not divide the width 8") as caught:
        require_heads(3, 8)
    assert caught.value.field == "heads"


STREAMS = {"video": Stream("video", 8, (4, 4)), "fusion": Stream("fusion", 8, (2,), latent=True)}
WITH_MLP = [
    (Bottleneck, {"depth": 1, "heads": 2, "fusion_layer": 0}),
    (PEMT, {"depth": 1, "heads": 2}),
    (QueryReadout, {"mask": ZorroMask()}),
    (Swin, {"mask": ZorroMask(), "depths": (1, 1), "heads": (2, 2)}),
    (ViT, {"mask": ZorroMask(), "depth": 1, "heads": 2}),
]


@pytest.mark.parametrize(("width", "ratio", "expected"), [(768, 4.0, 3072), (192, 0.5, 96), (10, 0.19, 1), (8, 0.125, 1)])
def test_an_mlp_is_a_multiple_of_the_stream_s_width(width: int, ratio: float, expected: int) -> None:
    assert mlp_width(width, ratio) == expected


@pytest.mark.parametrize("ratio", [0.001, 0.12, 0.0, -1.0, math.inf, math.nan])
@pytest.mark.parametrize(("spec", "options"), WITH_MLP)
def test_an_mlp_of_no_width_is_refused(spec: type, options: dict, ratio: float) -> None:
    with pytest.raises(SpecError) as refused, torch.device("meta"):
        spec(**options, mlp_ratio=ratio).build(STREAMS)
    assert refused.value.field == "mlp_ratio"
