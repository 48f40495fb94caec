"""One stream: its frames by time, seams in sound, channels as a mean, pictures as squares."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from antifaz.data.media.stream_reader import (
    Reading,
    assembled,
    last_packet,
    length_is_guessed,
    mono_of,
    seek,
    squares,
    stated_end,
    stream_of,
)
from antifaz.data.media.writing import write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds: pictures that brighten, and silence."""
    pictures = np.stack([np.full((32, 32, 3), 10 * i, np.uint8) for i in range(16)])
    write_clip(tmp_path / "clip.mp4", pictures, np.zeros(2 * 16000, np.float32), fps=8, sample_rate=16000)
    return tmp_path / "clip.mp4"


def test_frames_come_with_the_time_at_which_they_begin(clip: Path) -> None:
    with av.open(str(clip)) as container:
        reading = Reading(container, stream_of(container, "video"), 0.0, sought=False)
        found = [(begin, reading.length(frame)) for begin, frame in reading]
    assert found == [(i / 8, 1 / 8) for i in range(16)]
    assert (reading.first, reading.damaged) == (0.0, False)


def test_a_reading_is_late_only_after_a_seek_and_behind_the_first_frame(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = stream_of(container, "video")
        assert Reading(container, stream, 0.0, sought=True).is_late(1.0, 0.5)
        assert not Reading(container, stream, 0.0, sought=True).is_late(0.5, 0.5)
        assert not Reading(container, stream, 0.0, sought=True).is_late(0.0, -1.0)
        assert not Reading(container, stream, 0.0, sought=False).is_late(1.0, 0.5)


def test_what_a_file_says_of_its_streams(clip: Path) -> None:
    with av.open(str(clip)) as container:
        video = stream_of(container, "video")
        assert video.type == "video"
        assert stream_of(container, "subtitle") is None
        assert stated_end(video, 0.0) == pytest.approx(2.0)
        assert stated_end(video, 0.5) == pytest.approx(1.5)
        assert seek(container, video, 1.0)
        assert not length_is_guessed(container)
    with av.open(str(clip)) as container:
        assert last_packet(container, 0.0) == pytest.approx(2.0, abs=0.1)


def test_matroska_says_its_length_in_a_tag() -> None:
    stream = SimpleNamespace(duration=None, metadata={"DURATION": "01:02:03.5"})
    assert stated_end(stream, 0.5) == 3723.0
    assert stated_end(SimpleNamespace(duration=None, metadata={}), 0.0) is None


@pytest.mark.parametrize(
    ("layout", "samples", "mono"),
    [
        ("fltp", np.array([[0.5, -1.0], [0.0, 1.0]], np.float32), [0.25, 0.0]),
        ("flt", np.array([[0.5, 0.0, -1.0, 1.0]], np.float32), [0.25, 0.0]),
        ("s16p", np.array([[16384, -32768], [0, -32768]], np.int16), [0.25, -1.0]),
        ("s32", np.array([[2**30, 2**30]], np.int32), [0.5]),
    ],
)
def test_channels_are_averaged_to_one(layout: str, samples: np.ndarray, mono: list[float]) -> None:
    frame = av.AudioFrame.from_ndarray(samples, format=layout, layout="stereo")
    assert mono_of(frame).tolist() == mono
    assert mono_of(frame).dtype == np.float32


def ones(length: int) -> np.ndarray:
    return np.ones(length, np.float32)


def test_chunks_are_laid_at_their_time_and_silence_between() -> None:
    chunks = [(0.0, ones(10)), (0.2, 2 * ones(10))]
    assert assembled(chunks, 100, 0, 40).tolist() == [1.0] * 10 + [0.0] * 10 + [2.0] * 10 + [0.0] * 10
    assert assembled(chunks, 100, 5, 20).tolist() == [1.0] * 5 + [0.0] * 10 + [2.0] * 5
    assert assembled(chunks, 100, -3, 4).tolist() == [0.0] * 3 + [1.0]
    assert assembled([], 100, 0, 3).tolist() == [0.0] * 3


def test_rounded_time_stamps_leave_no_seam() -> None:
    chunks = [(0.0, ones(333)), (0.333, ones(333)), (0.665, ones(334))]  # stamps in milliseconds at 1,001 samples a second
    assert assembled(chunks, 1001, 0, 1000).tolist() == [1.0] * 1000


@pytest.mark.parametrize(("place", "column"), [(0.0, 0), (0.5, 1), (1.0, 2)])
def test_squares_are_cut_along_the_longer_side(place: float, column: int) -> None:
    picture = np.zeros((8, 24, 3), np.uint8)
    for part in range(3):
        picture[:, 8 * part : 8 * part + 8] = 50 * part + 50
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    found = squares([frame, frame], 8, place)
    assert found.shape == (2, 8, 8, 3)
    assert (found == 50 * column + 50).all()
