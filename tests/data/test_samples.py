"""Samples: entries that are there or absent, rows of files and text, and faults that stay with their sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.errors import ComponentError
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.clips import Clip
from antifaz.data.contract import Origin, load_sample
from antifaz.data.media.writing import write_clip
from antifaz.data.samples import MediaSamples, Row, joined, stacked
from antifaz.data.sources import Text, UnreadableText
from antifaz.registry import Location


class Starts:
    """Decodes to the second at which the clip begins; augmentation adds a draw, finishing doubles."""

    def decode(self, source: object, start: float) -> Tensor:
        return torch.tensor([start])

    def augment(self, stored: Tensor) -> Tensor:
        return stored + 100 + torch.rand(())

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        return stored * (2 if training else 3)


class Lengths:
    """The length of the first sentence; an empty one is unreadable."""

    def decode(self, source: Text, start: float) -> Tensor:
        if not source.sentences[0]:
            raise UnreadableText("no word")
        return torch.tensor(len(source.sentences[0]))

    def augment(self, stored: Tensor) -> Tensor:
        return stored

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        return stored


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "four.mp4"
    write_clip(path, None, np.zeros(4 * 16000, np.float32), fps=8, sample_rate=16000)
    return path


def test_absent_parts_are_zeros() -> None:
    batch = stacked([torch.tensor([1.0, 2.0]), None, torch.tensor([3.0, 4.0])])
    assert isinstance(batch, Tensor)
    assert batch.tolist() == [[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]


def test_several_of_a_kind_keep_their_marks() -> None:
    marked = Features(torch.tensor([1, 2]), torch.tensor([True, False]))
    batch = stacked([marked, None, torch.tensor([5, 6])])
    assert isinstance(batch, Features)
    assert batch.values.tolist() == [[1, 2], [0, 0], [5, 6]]
    assert batch.valid is not None
    assert batch.valid.tolist() == [[True, False], [False, False], [True, True]]


def test_batches_are_joined_with_their_presence() -> None:
    whole = Features(torch.tensor([[1, 2]]), torch.tensor([True]))
    several = Features(torch.tensor([[3, 4], [5, 6]]), torch.tensor([[True, False], [False, False]]))
    every = joined([whole, several])
    assert every.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert every.presence().tolist() == [[True, True], [True, False], [False, False]]
    assert joined([whole, Features(torch.tensor([[7, 8]]))]).presence().tolist() == [True, True]


def test_presence_of_several_entries_of_a_sample_is_kept() -> None:
    parts = [Features(torch.ones(1, 2, 3), torch.tensor([[True, False]])), Features(torch.ones(1, 2, 3), torch.tensor([True]))]
    assert joined(parts).presence().tolist() == [[True, False], [True, True]]


def test_a_row_is_named_by_its_files_or_by_what_it_says() -> None:
    assert Row({"video": Path("a.mp4"), "audio": Path("a.mp4"), "other": Path("b.wav"), "none": None}).name == "a.mp4, b.wav"
    said = Row({}, texts={"text": Text(("a dog", "it \udcff barks")), "none": None})
    assert said.name == "a dog / it \\udcff barks"


def test_a_sample_follows_from_its_seed(sound: Path) -> None:
    samples = MediaSamples([Row({"x": sound})], {"x": Starts()}, {"x": Shape((1,))}, Clip(seconds=1.0), training=True)
    first, again, other = (samples.load(0, seed).entries["x"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert 100 < float(first) < 104
    assert samples.finish("x", first).tolist() == (2 * first).tolist()


def test_an_evaluation_reads_the_centre_and_augments_nothing(sound: Path) -> None:
    rows = [Row({"x": sound}, {"label": torch.tensor(3)}), Row({"x": None})]
    samples = MediaSamples(rows, {"x": Starts()}, {}, Clip(seconds=1.0), training=False, missing=2)
    duration = samples.decoded(0, 0.9).entries["x"] * 2 + 1  # twice the centre, and the clip
    assert float(duration) == pytest.approx(4.0, abs=0.1)
    loaded = samples.load(0, 7)
    assert (loaded.problem, loaded.note, int(loaded.entries["label"])) == (None, None, 3)
    assert samples.load(1, 7).entries == {"x": None}
    assert samples.finish("label", torch.tensor([3])).tolist() == [3]
    assert samples.counts() == {"found": 2, "missing": 2, "unreadable": 0}
    assert (samples.identity(0), samples.identity(1)) == (str(sound), "row 2")


def test_what_cannot_be_read_is_a_sample_with_nothing_in_it(tmp_path: Path) -> None:
    rows = [Row({"x": tmp_path / "no.mp4"}), Row({}, texts={"t": Text(("",))}), Row({}, texts={"t": Text(("abc",))})]
    decoders = {"x": Starts(), "t": Lengths()}
    shapes = {"x": Shape((1,)), "t": Shape(()), "label": Shape(())}
    samples = MediaSamples(rows, decoders, shapes, Clip(seconds=1.0), training=False)
    missing, empty, whole = (samples.load(i, 0) for i in range(3))
    assert missing.entries == empty.entries == {"x": None, "t": None, "label": None}
    assert missing.problem is not None
    assert str(tmp_path / "no.mp4") in missing.problem
    assert empty.problem == ": no word"
    assert whole.problem is None
    assert int(whole.entries["t"]) == 3


def test_a_short_file_is_noted_and_a_long_one_has_other_clips(sound: Path) -> None:
    short = MediaSamples([Row({"x": sound})], {"x": Starts()}, {}, Clip(seconds=8.0), training=False).decoded(0, 0.5)
    assert short.note is not None
    assert short.note.startswith(f"{sound} has 4")
    assert "of a clip's 8 seconds" in short.note
    assert not short.longer
    long = MediaSamples([Row({"x": sound})], {"x": Starts()}, {}, Clip(seconds=2.0), training=False).decoded(0, 0.5)
    assert (long.note, long.longer) == (None, True)


class Faulty:
    """A decoder with one fault."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def decode(self, source: Text, start: float) -> Any:
        if self.fault == "decode":
            raise KeyError("channel")
        return [1.0] if self.fault == "list" else torch.zeros(3)

    def augment(self, stored: Tensor) -> Tensor:
        return stored @ torch.zeros(2)

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        return stored


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("decode", r"^a.yaml:1:2: the decoder of 'text' failed decoding a dog: KeyError: 'channel' \(test_samples.py:\d+\)"),
        ("augment", r"^a.yaml:1:2: the decoder of 'text' failed augmenting a dog: RuntimeError"),
        ("list", r"^a.yaml:1:2: the decoder of 'text' of the plugin '\w+' makes a list of a dog, not a tensor"),
    ],
)
def test_a_decoder_that_fails_is_named_with_its_source(fault: str, words: str) -> None:
    rows = [Row({}, texts={"text": Text(("a dog",))})]
    samples = MediaSamples(rows, {"text": Faulty(fault)}, {"text": Shape((3,))}, Clip(seconds=1.0), training=True)
    with pytest.raises(ComponentError, match=words):
        load_sample(samples, 0, 0, Origin(location=Location("a.yaml", 1, 2)))
