"""Clips are written whole or not at all, and say what was put into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antifaz.data.media.file import Media
from antifaz.data.media.writing import write_clip

PICTURES = np.stack([np.full((16, 24, 3), 30 * i, np.uint8) for i in range(8)])
TONE = (0.5 * np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)).astype(np.float32)


@pytest.mark.parametrize(("pictures", "sound"), [(True, True), (True, False), (False, True)])
def test_a_clip_has_what_was_put_into_it(tmp_path: Path, pictures: bool, sound: bool) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, PICTURES if pictures else None, TONE if sound else None, fps=8, sample_rate=16000)
    media = Media(path)
    assert (media.has_video, media.has_audio) == (pictures, sound)
    assert media.duration == pytest.approx(1.0, abs=0.07)
    if pictures:
        assert [float(frame.mean()) for frame in media.frames(0.0, 8, 8, 16)] == pytest.approx([30 * i for i in range(8)], abs=3)
    if sound:
        heard = media.waveform(0.1, 0.8, 16000) / 32767
        assert np.abs(heard).max() == pytest.approx(0.5, abs=0.05)
        assert np.abs(np.fft.rfft(heard)).argmax() == round(440 * 0.8)
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"before")
    with pytest.raises(ValueError):
        write_clip(tmp_path / "clip.mp4", PICTURES[..., :2], None, fps=8, sample_rate=16000)
    assert [each.name for each in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"before"
    with pytest.raises(OSError):
        write_clip(tmp_path / "nowhere" / "clip.mp4", PICTURES, None, fps=8, sample_rate=16000)
