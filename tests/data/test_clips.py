"""Clips: which span of a file is a sample, in training, in evaluation and in each of several views."""

from __future__ import annotations

import pytest

from antifaz.data.clips import ROOM, Clip
from antifaz.registry import SpecError


@pytest.mark.parametrize(
    ("options", "training", "start"),
    [
        ({}, True, 2.0),  # a quarter of the eight seconds in which it may begin
        ({}, False, 4.0),
        ({"sampling": "center"}, True, 4.0),
        ({"sampling": "center"}, False, 4.0),
        ({"sampling": "start"}, True, 0.0),
        ({"sampling": "start"}, False, 0.0),
        ({"views": 3}, True, 2.0),
    ],
)
def test_where_a_clip_of_two_seconds_in_ten_begins(options: dict, training: bool, start: float) -> None:
    assert Clip(seconds=2.0, **options).start(10.0, 0.25, training) == start


def test_views_go_from_the_beginning_to_the_end() -> None:
    clip = Clip(seconds=2.0, views=5)
    assert [clip.start(10.0, 0.9, False, view) for view in range(5)] == [0.0, 2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize("duration", [0.0, 1.0, 2.0, 2.0 + ROOM])
def test_a_file_without_room_is_read_from_its_beginning(duration: float) -> None:
    for views, training in ((1, True), (1, False), (4, False)):
        assert Clip(seconds=2.0, views=views).start(duration, 0.9, training, views - 1) == 0.0


def test_a_few_samples_of_sound_make_a_file_neither_longer_nor_shorter() -> None:
    clip = Clip(seconds=2.0)
    assert [clip.is_longer(d) for d in (1.9, 2.05, 2.11)] == [False, False, True]
    assert [clip.is_shorter(d) for d in (0.04, 1.0, 1.89, 1.95, 2.0, 3.0)] == [False, True, True, False, False, False]


def test_clips_that_begin_at_the_start_are_one() -> None:
    with pytest.raises(SpecError, match="cannot all begin at the start") as refused:
        Clip(seconds=1.0, views=2, sampling="start")
    assert refused.value.field == "views"
