"""docs/data.md, word for word: a data set of one's own passes the conformance kit, trains, and answers for files and arrays."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages import followed


def test_the_page_works_as_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    _, tests, _, used, array, opened = followed("data.md", tmp_path / "work", environment)
    assert "14 passed" in tests
    assert "data train: 30 samples, 30 found, 0 missing" in used
    assert "skipped pairs/train/run5.npy, pairs/train/run5.wav cannot be read: pairs/train/run5.wav cannot be read as media" in used
    assert "pairs/test/run4.wav (motion, sound)" in used
    assert "pairs/test/run4.wav (sound)" in used
    assert array.startswith("('motion',) ('run', ")
    assert opened == "2.0 True False\ntorch.Size([16, 16]) (16, 16)\n"
