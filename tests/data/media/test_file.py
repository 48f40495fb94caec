"""Media files as users have them: decoding by time, in sync, and every sort of broken file in words."""

from __future__ import annotations

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from antifaz.data.media.file import Media, UnreadableMedia
from antifaz.data.media.writing import write_clip

FPS, RATE = 8, 16000


def flash_and_click(path: Path, at: float, seconds: float = 4.0) -> None:
    """Black and silent, but for one white frame and a tone that begins with it."""
    pictures = np.zeros((int(seconds * FPS), 48, 64, 3), np.uint8)
    pictures[round(at * FPS)] = 255
    sound = np.zeros(int(seconds * RATE), np.float32)
    begin = round(at * RATE)
    sound[begin : begin + RATE // FPS] = 0.8 * np.sin(np.arange(RATE // FPS) * 2 * np.pi * 1000 / RATE)
    write_clip(path, pictures, sound, fps=FPS, sample_rate=RATE)


@pytest.mark.parametrize("start", [0.0, 0.125, 0.5, 1.0, 1.75])
def test_sound_and_picture_belong_together(tmp_path: Path, start: float) -> None:
    path = tmp_path / "clip.mp4"
    flash_and_click(path, at=2.0)
    media = Media(path)
    frames = media.frames(start, 20, FPS, 32)
    sound = media.waveform(start, 2.5, RATE)
    lit = int(frames.reshape(len(frames), -1).mean(axis=1).argmax())
    assert lit == round((2.0 - start) * FPS)
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 4000)
    assert abs(loud[0] / RATE - (2.0 - start)) < 0.02


def test_a_late_start_reads_what_a_whole_read_has(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    rng = np.random.default_rng(0)
    tone = np.sin(np.cumsum(rng.uniform(200, 900, 4 * RATE)) * 2 * np.pi / RATE).astype(np.float32) * 0.5
    write_clip(path, None, tone, fps=FPS, sample_rate=RATE)
    whole, part = Media(path).waveform(0.0, 4.0, RATE), Media(path).waveform(1.3, 2.0, RATE)
    difference = np.abs(whole[int(1.3 * RATE) : int(3.3 * RATE)].astype(int) - part)
    assert difference.max() < 700  # decoders differ a little by their history


@pytest.mark.parametrize("size", [(31, 47), (100, 33), (64, 64)])
def test_odd_sizes_become_squares(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.height, stream.width = size
        stream.pix_fmt = "bgr0"
        for i in range(4):
            picture = np.full((*size, 3), 60 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    frames = Media(path).frames(0.0, 4, FPS, 24)
    assert frames.shape == (4, 24, 24, 3)
    assert [int(f.mean()) for f in frames] == pytest.approx([0, 60, 120, 180], abs=2)


def test_variable_frame_rate_goes_by_time(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    times = [0, 100, 700, 1500]  # milliseconds
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "bgr0"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for i, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 60 * i, np.uint8), format="rgb24")
            frame.pts = at
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames = Media(path).frames(0.0, 8, 4, 16)  # 0, 250, 500, ... 1750 ms
    assert [round(int(f.mean()) / 60) for f in frames] == [0, 1, 1, 2, 2, 2, 3, 3]


def test_frames_past_the_end_repeat_the_last(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    flash_and_click(path, at=0.5, seconds=1.0)
    frames = Media(path).frames(0.0, 16, FPS, 32)
    assert (frames[8:] == frames[8]).all()
    assert (Media(path).waveform(0.0, 2.0, RATE)[int(1.2 * RATE) :] == 0).all()


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_channels_are_averaged_and_rates_converted(tmp_path: Path, channels: int, rate: int) -> None:
    path = tmp_path / "sound.wav"
    tone = (0.5 * np.sin(np.arange(rate) * 2 * np.pi * 440 / rate) * 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(tone[:, None], channels, axis=1).tobytes())
    media = Media(path)
    assert (media.has_audio, media.has_video) == (True, False)
    sound = media.waveform(0.0, 1.0, RATE).astype(float) / 32767
    expected = 0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE)
    assert np.abs(sound - expected)[200:-200].max() < 0.02


@pytest.mark.parametrize("content", [b"", b"no media at all", bytes(2000)])
def test_what_is_no_media_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableMedia, match=r"clip\.mp4"):
        Media(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mp4"
    flash_and_click(whole, at=1.0)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    def read_all() -> None:
        media = Media(cut)
        media.frames(0.0, 32, FPS, 32)
        media.waveform(0.0, 4.0, RATE)

    with pytest.raises(UnreadableMedia, match=r"cut\.mp4"):
        read_all()


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMedia, match="No such file"):
        Media(tmp_path / "nothing.mp4")


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        flash_and_click(tmp_path / name, at=1.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("channels", [1, 2])
def test_eight_bit_sound_is_read(tmp_path: Path, channels: int) -> None:
    """Eight-bit WAV files hold unsigned numbers around 128."""
    path = tmp_path / "tone.wav"
    expected = np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE)
    tone = np.round(127 * expected + 128).astype(np.uint8)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(np.repeat(tone[:, None], channels, axis=1).tobytes())
    sound = Media(path).waveform(0.0, 1.0, RATE).astype(float) / 32767
    assert np.abs(sound - expected)[200:-200].max() < 0.02
