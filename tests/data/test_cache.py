"""Caches: what decoding gives, kept under a name that follows from contents and settings."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.streams import Shape
from antifaz.data.cache import CachedSamples, cached, open_samples
from antifaz.data.clips import Clip
from antifaz.data.media.file import Media
from antifaz.data.media.writing import write_clip
from antifaz.data.samples import Row
from antifaz.registry import WriteError

RATE = 16000


class Waveform:
    def __init__(self, seconds: float, fingerprint: str) -> None:
        self.seconds, self.fingerprint = seconds, fingerprint

    def decode(self, source: Media, start: float) -> Tensor:
        return torch.from_numpy(source.waveform(start, self.seconds, 100).copy())

    def augment(self, stored: Tensor) -> Tensor:
        return stored + torch.randint(0, 1000, ())

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        return stored.float()


@attrs.frozen(kw_only=True)
class WaveformSpec:
    augment: str = "none"
    fingerprint: str = ""
    bins: int = 1

    def shape(self, seconds: float) -> Shape:
        return Shape((round(100 * seconds),))

    def build(self, seconds: float) -> Waveform:
        return Waveform(seconds, self.fingerprint)


@pytest.fixture
def rows(tmp_path: Path) -> list[Row]:
    """Two tones of two seconds, a broken file and a row without a file."""
    for i in range(2):
        tone = 0.1 * (i + 1) * np.sin(np.arange(2 * RATE) * 2 * np.pi * 20 / RATE)
        write_clip(tmp_path / f"{i}.mp4", None, tone.astype(np.float32), fps=8, sample_rate=RATE)
    (tmp_path / "broken.mp4").write_bytes((tmp_path / "0.mp4").read_bytes()[:100])
    files = [tmp_path / "0.mp4", tmp_path / "1.mp4", tmp_path / "broken.mp4", None]
    return [Row({"sound": path}, {"label": torch.tensor(i)}) for i, path in enumerate(files)]


def opened(rows: list[Row], folder: Path | None, spec: WaveformSpec = WaveformSpec(), **clip: object):
    made = Clip(**{"seconds": 2.0, **clip})
    return open_samples(rows, {"sound": spec}, made, {}, training=clip.get("sampling") == "random", cache=folder)


def test_a_cache_gives_what_decoding_gives(rows: list[Row], tmp_path: Path) -> None:
    direct, kept = opened(rows, None), opened(rows, tmp_path / "cache")
    assert isinstance(kept, CachedSamples)
    for index in (0, 1):
        assert torch.equal(direct.load(index, 3).entries["sound"], kept.load(index, 3).entries["sound"])
        assert int(kept.load(index, 3).entries["label"]) == index
    assert kept.load(2, 3).problem == direct.load(2, 3).problem
    assert kept.load(3, 3).entries["sound"] is None
    assert kept.counts() == {"found": 4, "missing": 0, "unreadable": 1}
    assert [kept.identity(i) for i in (0, 3)] == [direct.identity(i) for i in (0, 3)]
    assert len(kept) == 4


def test_augmentation_draws_as_without_a_cache(rows: list[Row], tmp_path: Path) -> None:
    direct, kept = opened(rows, None, sampling="random"), opened(rows, tmp_path / "cache", sampling="random")
    for seed in range(5):
        assert torch.equal(direct.load(1, seed).entries["sound"], kept.load(1, seed).entries["sound"])


def test_a_cache_is_found_again_and_not_decoded_twice(rows: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(rows, tmp_path / "cache")
    monkeypatch.setattr("antifaz.data.cache.in_parallel", None)
    again = opened(rows, tmp_path / "cache", WaveformSpec(augment="other"))
    assert again.folder == first.folder
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [first.folder.name]


def test_other_contents_settings_or_clips_are_another_cache(rows: list[Row], tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    places = [
        opened(rows, folder).folder,
        opened(rows[:3], folder).folder,
        opened(rows, folder, WaveformSpec(bins=2)).folder,
        opened(rows, folder, WaveformSpec(fingerprint="x")).folder,
        opened(rows, folder, seconds=1.0, sampling="center").folder,
        opened(rows, folder, sampling="start").folder,
    ]
    (tmp_path / "1.mp4").write_bytes((tmp_path / "0.mp4").read_bytes())
    places.append(opened(rows, folder).folder)
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("file", ["sound.npy", "index.json"])
def test_a_damaged_cache_is_made_anew(rows: list[Row], tmp_path: Path, file: str) -> None:
    before = opened(rows, tmp_path / "cache")
    expected = before.load(1, 0).entries["sound"]
    place = before.folder / file
    place.write_bytes(place.read_bytes()[:-5])
    assert torch.equal(opened(rows, tmp_path / "cache").load(1, 0).entries["sound"], expected)
    json.loads((before.folder / "index.json").read_text())


@pytest.mark.parametrize("known", [False, True])
def test_random_clips_of_a_longer_file_cannot_be_kept(rows: list[Row], tmp_path: Path, known: bool) -> None:
    if known:  # a cache of the same clips, made for an evaluation
        opened(rows, tmp_path / "cache", seconds=1.0, sampling="center")
    with pytest.raises(DataError, match=r"0\.mp4 is longer than a clip; a cache cannot keep random clips of 1 s of it"):
        opened(rows, tmp_path / "cache", seconds=1.0, sampling="random")


def test_a_folder_that_cannot_be_written_is_told(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(WriteError) as refused:
        cached(opened(rows, None), {"sound": WaveformSpec()}, tmp_path / "cache")
    assert refused.value.hint == "set `cache: false`"
