"""docs/tutorial.md, word for word: its commands, files and Python in order, as a reader would enter them."""

from __future__ import annotations

from pathlib import Path

from tests.support.pages import followed


def test_the_tutorial_works_as_it_is_written(tmp_path: Path, environment: dict[str, str]) -> None:
    said = followed("tutorial.md", tmp_path / "work", environment)
    assert len(said) == 5
    assert " passed" in said[0]
    assert "gait/test/run/0.npy (motion)" in said[3]
    assert "('run', " in said[4]
    assert "torch.Size([48, 32])" in said[4]
