"""Text in place of a media file: sentences by their distance in time, and which entries are given text."""

from __future__ import annotations

from types import SimpleNamespace

from antifaz.data.text import Text, by_source, reads_text, sentences_taken

FRAMES = SimpleNamespace()
WORDS = SimpleNamespace(reads="text")
SEVERAL = SimpleNamespace(reads="text", candidates=5)


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
