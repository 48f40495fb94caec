"""Tiny members of this plugin's families, for the conformance kit."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.examples import Example

MODALITIES = "{video: {use: frames, fps: 4, size: 16, augment: [flip]}, audio: {use: log_mel, bins: 8, hop: 0.125}}"


def write_files(folder: Path) -> None:
    """A clip with sound and pictures, one without sound, an index with a label missing, and one with sentences."""
    import numpy as np

    from antifaz.data.media.writing import write_clip

    frames = np.full((16, 32, 32, 3), 90, np.uint8)
    write_clip(folder / "both.mp4", frames, np.full(32000, 0.1, np.float32), fps=8, sample_rate=16000)
    write_clip(folder / "silent.mp4", frames, None, fps=8, sample_rate=16000)
    (folder / "index.csv").write_text("path,label\nboth.mp4,cat\nsilent.mp4,\n")
    (folder / "said.csv").write_text("path,said\nboth.mp4,a cat|it sleeps\nsilent.mp4,\n,a dog\n")


EXAMPLES = [
    Example(
        "dataset",
        "{use: folder, root: $FOLDER, index: index.csv, label: label, classes: [cat, dog], clip: {seconds: 2.0}, "
        f"modalities: {MODALITIES}}}",
        prepare=write_files,
    ),
    Example(
        "dataset",
        "{use: folder, root: $FOLDER, index: said.csv, cache: true, clip: {seconds: 2.0}, texts: {text: {columns: [said], "
        "separator: '|'}}, modalities: {video: {use: frames, fps: 4, size: 16}, text: {use: bytes, length: 8, candidates: 2}}}",
        prepare=write_files,
    ),
]
