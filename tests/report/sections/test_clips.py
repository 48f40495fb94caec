"""Clips that play in the page."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from antifaz.data.media.writing import write_clip
from antifaz.report.sections import clips


def test_large_and_odd_files_become_short_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (240, 64, 96, 3), dtype=np.uint8)
    write_clip(tmp_path / "long.mp4", frames, np.zeros(20 * 16000, np.float32), fps=12, sample_rate=16000)
    assert (tmp_path / "long.mp4").stat().st_size > clips.SMALL
    made = clips.make_player(tmp_path / "long.mp4", None)
    assert (made.kind, made.note) == ("video", "a small version of the clip")
    assert len(made.uri) < (tmp_path / "long.mp4").stat().st_size
    write_clip(tmp_path / "sound.mp4", None, np.zeros(16000, np.float32), fps=12, sample_rate=16000)
    assert clips.make_player(tmp_path / "sound.mp4", None).uri.startswith("data:audio/mp4;base64,")
    shutil.copy(tmp_path / "sound.mp4", tmp_path / "sound.xyz")
    assert clips.make_player(tmp_path / "sound.xyz", None).note == "a small version of the clip"


def test_samples_are_found_by_their_names(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.wav", "c, d.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert clips.files_of("a.mp4", str(tmp_path)) == [tmp_path / "a.mp4"]
    assert clips.files_of("a.mp4, b.wav", str(tmp_path)) == [tmp_path / "a.mp4", tmp_path / "b.wav"]
    assert clips.files_of("c, d.mp4", str(tmp_path)) == [tmp_path / "c, d.mp4"]
    assert clips.files_of("a.mp4, gone.wav", str(tmp_path)) == []
    assert clips.files_of("sentence\0 5" + "x" * 5000, str(tmp_path)) == []
    (player,) = clips.Clips(10**6).players("a.mp4", str(tmp_path), None)
    assert player.kind == ""
    assert player.note == "nothing to play: not a media file"
