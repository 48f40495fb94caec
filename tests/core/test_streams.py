"""What is known of streams before there is any data."""

from __future__ import annotations

import pytest

from antifaz.core.streams import Shape, Stream, one_width, only, streams_of
from antifaz.registry import SpecError

STREAMS = {"video": Stream("video", 8, (4, 4)), "fusion": Stream("fusion", 8, (2,), latent=True)}


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
