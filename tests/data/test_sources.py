"""Sources of decoders: sentences by their distance in time, which entries are given text, and what a person may give."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import attrs
import pytest

from antifaz.data.sources import Text, by_source, reads_file, reads_text, sentences_taken, source_of, takes
from antifaz.registry import SpecError, component

MEDIA, FILE = SimpleNamespace(), SimpleNamespace(reads="file")
SENTENCE, SENTENCES = SimpleNamespace(reads="text", candidates=None), SimpleNamespace(reads="text", candidates=3)
FRAMES = SimpleNamespace()
WORDS = SimpleNamespace(reads="text")
SEVERAL = SimpleNamespace(reads="text", candidates=5)


@component("decoder", "misspelt")
@attrs.frozen
class Misspelt:
    """A decoder that says it wrongly."""

    reads: ClassVar = "files"


def test_a_decoder_of_files_says_so() -> None:
    assert [reads_file(decoder) for decoder in (MEDIA, FILE, SENTENCE)] == [False, True, False]


def test_a_decoder_reads_one_of_three_sources() -> None:
    with pytest.raises(SpecError, match="the decoder 'misspelt' says that it reads 'files'"):
        source_of(Misspelt())


@pytest.mark.parametrize(
    ("modalities", "expected"),
    [
        ({"video": MEDIA}, {"video": "file"}),
        ({"video": MEDIA, "audio": MEDIA}, {"video": "file", "audio": "file", "path": "file"}),
        ({"depth": FILE, "imu": FILE}, {"depth": "file", "imu": "file", "path": "file"}),
        ({"audio": MEDIA, "imu": FILE}, {"audio": "file", "imu": "file"}),
        ({"title": SENTENCE}, {"title": "sentence"}),
        ({"title": SENTENCE, "said": SENTENCES}, {"title": "sentence", "said": "sentences", "text": "sentences"}),
        ({"title": SENTENCE, "caption": SENTENCE}, {"title": "sentence", "caption": "sentence", "text": "sentence"}),
    ],
)
def test_one_thing_may_stand_for_several_entries_of_a_sort(modalities: dict[str, object], expected: dict[str, str]) -> None:
    assert takes(modalities) == expected


def test_sentences_with_times_come_by_distance() -> None:
    text = Text(("first", "second", "third"), (0.0, 4.0, 10.0))
    assert text.nearest(5.0) == ("second", "first", "third")
    assert text.nearest(7.0) == ("second", "third", "first")  # of two as near, the earlier one


def test_sentences_without_times_keep_their_order() -> None:
    assert Text(("b", "a")).nearest(3.0) == ("b", "a")


def test_a_decoder_says_what_it_reads() -> None:
    assert [reads_text(decoder) for decoder in (FRAMES, WORDS, SEVERAL)] == [False, True, True]
    assert [sentences_taken(decoder) for decoder in (FRAMES, WORDS, SEVERAL)] == [None, None, 5]


def test_entries_by_source_keep_their_order() -> None:
    modalities = {"title": WORDS, "video": FRAMES, "said": SEVERAL, "audio": FRAMES}
    assert by_source(modalities) == (("video", "audio"), ("title", "said"))
