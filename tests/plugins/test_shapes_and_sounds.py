"""shapes_and_sounds: where its clips are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.data.clips import Clip
from antifaz.plugins.shapes_and_sounds.spec import ShapesAndSounds
from antifaz.plugins.video.spec import Frames


def dataset(**options: str) -> ShapesAndSounds:
    return ShapesAndSounds(
        split="train", samples=1, clip=Clip(seconds=2.0), modalities={"video": Frames(fps=4, size=16)}, **options
    )


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_clips_are_made_beside_the_runs() -> None:
    samples = dataset().build(False)
    assert samples.identity(0) == "runs/data/shapes_and_sounds/normal-0-v1/train/00000.mp4"
    assert Path(samples.identity(0)).exists()
    assert not Path("data").exists()


def test_clips_of_an_earlier_version_are_found() -> None:
    dataset(root="data/shapes_and_sounds").build(False)
    found = dataset().peek()
    assert found is not None
    assert found.identity(0) == "data/shapes_and_sounds/normal-0-v1/train/00000.mp4"
    dataset().build(False)
    assert not Path("runs").exists()


def test_a_root_that_is_given_is_taken() -> None:
    Path("data/shapes_and_sounds").mkdir(parents=True)
    assert dataset(root="mine").folder == Path("mine")
