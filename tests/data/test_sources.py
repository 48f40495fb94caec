"""What a person may give follows from the decoders."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from antifaz.data.sources import reads_file, takes

MEDIA, FILE = SimpleNamespace(), SimpleNamespace(reads="file")
SENTENCE, SENTENCES = SimpleNamespace(reads="text", candidates=None), SimpleNamespace(reads="text", candidates=3)


def test_a_decoder_of_files_says_so() -> None:
    assert [reads_file(decoder) for decoder in (MEDIA, FILE, SENTENCE)] == [False, True, False]


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
