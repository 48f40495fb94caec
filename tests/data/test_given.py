"""A sample of what a person gives: files by name or for all entries, arrays, sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.streams import Shape
from antifaz.data.clips import Clip
from antifaz.data.given import media_sample
from antifaz.data.media.writing import write_clip

CLIP = Clip(seconds=1.0, views=2)


class Peak:
    """The loudest value of a file's sound, doubled when finished."""

    def shape(self, seconds: float) -> Shape:
        return Shape((1,))

    def build(self, seconds: float) -> Peak:
        return self

    def decode(self, source: Any, start: float) -> Tensor:
        return torch.tensor([float(abs(source.waveform(0.0, 1.0, 100)).max())])

    def augment(self, stored: Tensor) -> Tensor:
        return stored

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        return 2 * stored


class Signal(Peak):
    """The first values of a .npy file."""

    reads = "file"

    def shape(self, seconds: float) -> Shape:
        return Shape((3,))

    def decode(self, source: Path, start: float) -> Tensor:
        return torch.from_numpy(np.load(source)[:3].astype(np.float32))


class Words(Peak):
    """The number of words of as many sentences as it takes; None without any."""

    reads = "text"

    def __init__(self, candidates: int | None = None) -> None:
        self.candidates = candidates

    def decode(self, source: Any, start: float) -> Tensor | None:
        words = sum(len(sentence.split()) for sentence in source.sentences[: self.candidates or 1])
        return torch.tensor([float(words)]) if words else None


def entries(given: dict[str, Any], modalities: dict[str, Any]) -> dict[str, list[float] | None]:
    """Return what the first view of a sample holds, finished."""
    samples = media_sample(given, modalities, CLIP)
    assert len(samples) == samples.views == 2
    sample = samples.load(0, 0)
    assert sample.problem is None, sample.problem
    stored = {name: value for name, value in sample.entries.items() if value is not None}
    made = {name: samples.finish(name, value[None]) for name, value in stored.items()}
    return {name: made[name][0].tolist() if name in made else None for name in modalities}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, height in (("loud", 0.5), ("soft", 0.25)):
        write_clip(tmp_path / f"{name}.mp4", None, np.full(32000, height, np.float32), fps=8, sample_rate=16000)
    np.save(tmp_path / "imu.npy", np.arange(5))
    return tmp_path


def test_a_file_stands_for_all_entries_that_have_none_of_their_own(folder: Path) -> None:
    both = {"near": Peak(), "far": Peak()}
    loud, soft = (entries({"path": folder / f"{name}.mp4"}, both) for name in ("loud", "soft"))
    assert loud["near"] == loud["far"] != soft["near"]
    assert entries({"path": folder / "loud.mp4", "far": folder / "soft.mp4"}, both) == {"near": loud["near"], "far": soft["far"]}
    assert entries({"far": folder / "soft.mp4"}, both) == {"near": None, "far": soft["far"]}


def test_a_pair_of_files_and_an_array_in_place_of_one(folder: Path) -> None:
    pair = {"sound": Peak(), "imu": Signal()}
    made = entries({"sound": folder / "loud.mp4", "imu": folder / "imu.npy"}, pair)
    assert made["imu"] == [0.0, 2.0, 4.0]
    assert made["sound"] is not None
    assert entries({"imu": np.array([3, 2, 1], np.float32)}, pair) == {"sound": None, "imu": [6.0, 4.0, 2.0]}
    with pytest.raises(DataError, match=r"the array given as 'imu', \[4\], does not give \[3\] of float32: it becomes \[4\]"):
        media_sample({"imu": np.zeros(4, np.float32)}, pair, CLIP)
    with pytest.raises(DataError, match="of float64"):
        media_sample({"imu": np.zeros(3)}, pair, CLIP)


def test_a_file_that_its_decoder_cannot_read_is_a_problem_with_a_name(folder: Path) -> None:
    (folder / "text.npy").write_text("no array")
    (folder / "empty.npy").touch()
    for name, reason in (("text", "pickle"), ("empty", "No data left in file"), ("gone", "No such file")):
        problem = media_sample({"imu": folder / f"{name}.npy"}, {"imu": Signal()}, CLIP).load(0, 0).problem
        assert problem is not None
        assert f"{name}.npy cannot be read as 'imu': " in problem
        assert reason in problem


def test_sentences_stand_for_all_entries_of_text_that_have_none_of_their_own() -> None:
    texts = {"title": Words(), "said": Words(2)}
    assert entries({"text": ("a cat", "it purrs loudly")}, texts) == {"title": [4.0], "said": [10.0]}
    assert entries({"text": "a cat", "title": "one"}, texts) == {"title": [2.0], "said": [4.0]}
    with pytest.raises(DataError, match="3 sentences are too many for one sample: 'title' takes 1, 'said' takes 2\n"):
        media_sample({"text": ("a", "b", "c")}, texts, CLIP)
    with pytest.raises(DataError, match="the text ' ' is empty: it has no word"):
        media_sample({"said": ("a", " ")}, texts, CLIP)
