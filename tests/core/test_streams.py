"""What is known of streams before there is any data."""

from __future__ import annotations

import math

import pytest
import torch

from antifaz.core.streams import Shape, Stream, mlp_width, one_width, only, streams_of
from antifaz.plugins.bottleneck.spec import Bottleneck
from antifaz.plugins.pemt.transformers.spec import PEMT
from antifaz.plugins.swin.spec import Swin
from antifaz.plugins.vit.spec import ViT
from antifaz.plugins.zorro.spec import QueryReadout, ZorroMask
from antifaz.registry import SpecError

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


def test_streams_have_one_width_or_are_told_apart() -> None:
    assert one_width({**STREAMS, "label": Shape((5,))}) == 8
    with pytest.raises(SpecError, match="these differ: video 8, fusion 8, wide 16"):
        one_width({**STREAMS, "wide": Stream("x", 16, (2,))})
    with pytest.raises(SpecError, match="no tokens arrive"):
        one_width({"label": Shape((5,))})


def test_only_refuses_a_group_of_two() -> None:
    video = STREAMS["video"]
    assert only({"video": video}) is video
    with pytest.raises(ValueError, match="too many"):
        only(STREAMS)


def test_streams_are_found_among_shapes() -> None:
    assert streams_of({"label": Shape(()), **STREAMS}) == list(STREAMS.values())
