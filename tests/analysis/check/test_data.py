"""check: data sets that are on this machine are counted, and one sample is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from antifaz.analysis.check.report import check
from antifaz.core.experiment import read
from antifaz.data.media.writing import write_clip
from antifaz.registry import ConfigError

FOLDER = """
name: mine
data:
  train:
    use: folder
    root: {root}
    index: list.csv
    label: label
    classes: [{classes}]
    batch_size: {batch_size}
    clip: {{seconds: 1.0}}
    modalities: {{audio: {{use: log_mel, bins: 16, hop: 0.0625}}}}
graph:
  audio: {{use: spectrogram_patches, in: batch.audio, patch: [16, 8], width: 16}}
  pooled: {{use: query_readout, in: audio, mask: zorro}}
  labels: {{use: linear_heads, in: pooled.audio, classes: {count}}}
stages:
  train:
    task: train
    data: train
    steps: 1
    optimizer: {{use: adamw, lr: 0.001}}
    objectives: {{labels: {{use: cross_entropy, in: [labels, batch.label]}}}}
"""


def folder_config(plugins, tmp_path: Path, classes: str = "low, high", batch_size: int = 2):
    root = tmp_path / "media"
    root.mkdir(exist_ok=True)
    for name in ("a.mp4", "b.mp4"):
        write_clip(root / name, None, np.zeros(16000, np.float32), fps=8, sample_rate=16000)
    (root / "list.csv").write_text("path,label\na.mp4,low\nb.mp4,low\n")
    text = FOLDER.format(root=root, classes=classes, batch_size=batch_size, count=classes.count(",") + 1)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return read(path, plugins)


def test_data_that_is_there_is_counted(plugins, tmp_path: Path) -> None:
    report = check(folder_config(plugins, tmp_path))
    assert report.data["train"].counts == {"samples": 2, "found": 2, "missing": 0, "unreadable": 0}
    absent = check(read("quickstart", plugins, [f"data.{d}.root={tmp_path}/no" for d in ("paired", "test")]))
    assert absent.data["paired"].counts is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"classes": "high, higher"}, "label"), ({"batch_size": 3}, "2 samples, fewer than one batch of 3")],
)
def test_data_that_does_not_fit_is_a_located_problem(plugins, tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        check(folder_config(plugins, tmp_path, **change))
    assert "config.yaml:5:" in str(caught.value)


def test_a_set_of_broken_files_is_refused_with_the_reason(plugins, tmp_path: Path) -> None:
    experiment = folder_config(plugins, tmp_path)
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "media" / name).write_bytes(b"this is no film")
    with pytest.raises(ConfigError, match="train: of the first 2 samples none can be read: "):
        check(experiment)
