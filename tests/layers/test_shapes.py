"""Checks of what arrives at a component."""

from __future__ import annotations

import pytest

from antifaz.core.streams import Shape, Stream
from antifaz.layers.shapes import one_shape, require_heads, require_vectors
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
