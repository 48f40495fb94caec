"""Making the clips of a split: once, in parallel, each file in one piece; those that are there already are kept."""

from __future__ import annotations

import csv
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from rich.progress import track

from antifaz.core.interfaces import SampleSet
from antifaz.data.cache import cached
from antifaz.data.media.writing import write_clip
from antifaz.data.samples import MediaSamples, Row, media_samples
from antifaz.data.sources import Text, by_source
from antifaz.data.workers import in_parallel
from antifaz.plugins.shapes_and_sounds import rules
from antifaz.registry import WriteError

from .captions import sentences
from .drawing import FPS, SAMPLE_RATE, draw, rhythm, sound

if TYPE_CHECKING:
    from .spec import ShapesAndSounds

FORMAT = 1
"""Part of the folder's name: raised when the same seed means other clips."""


def open_split(spec: ShapesAndSounds, root: Path, training: bool) -> SampleSet:
    """The samples of a split, made where they are missing."""
    samples = _samples(spec, root, training)  # first: a decoder that cannot be made must not cost all clips
    generate(_folder(spec, root), spec.split, spec.count, spec.seed, hard=spec.preset == "hard")
    return cached(samples, spec.modalities, root / "cache") if spec.cache else samples


def peek_split(spec: ShapesAndSounds, root: Path) -> SampleSet | None:
    """The samples of a split if all of its clips are made."""
    complete = all(clip_path(_folder(spec, root), index).exists() for index in range(spec.count))
    return _samples(spec, root, False) if complete else None


def _folder(spec: ShapesAndSounds, root: Path) -> Path:
    return root / f"{spec.preset}-{spec.seed}-v{FORMAT}" / spec.split


def _samples(spec: ShapesAndSounds, root: Path, training: bool) -> MediaSamples:
    folder = _folder(spec, root)
    media, texts = by_source(spec.modalities)
    rows = []
    for index in range(spec.count):
        content = rules.content(spec.split, index, rules.generator(spec.seed, spec.split, index))
        extra = {} if content.label is None else {"label": torch.tensor(content.label)}
        spoken = sentences(spec.seed, spec.split, index, content) if texts else ()
        rows.append(
            Row(dict.fromkeys(media, clip_path(folder, index)), extra, dict.fromkeys(texts, Text(spoken) if spoken else None))
        )
    return media_samples(rows, spec.modalities, spec.clip, spec.shapes(), training=training)


def clip_path(folder: Path, index: int) -> Path:
    return folder / f"{index:05d}.mp4"


def generate(folder: Path, split: str, count: int, seed: int, *, hard: bool) -> None:
    """Make the first `count` clips of a split that are not there yet.

    Raises:
        WriteError: the folder cannot be written.
    """
    missing = [index for index in range(count) if not clip_path(folder, index).exists()]
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        job = partial(make_clip, folder, split, seed, hard)
        for _ in track(in_parallel(job, missing), f"making {split}", len(missing), transient=True):
            pass
        _write_manifest(folder, split, count, seed)
    except OSError as error:
        raise WriteError.of(folder, error, hint="set `root:` to another folder") from None


def make_clip(folder: Path, split: str, seed: int, hard: bool, index: int) -> None:
    """Draw and store one clip; the same for the same arguments."""
    rng = rules.generator(seed, split, index)
    content = rules.content(split, index, rng)
    beat = rhythm(rng)
    pictures = draw(content, beat, rng, hard=hard)
    write_clip(clip_path(folder, index), pictures, sound(content, beat, rng), fps=FPS, sample_rate=SAMPLE_RATE)


def _write_manifest(folder: Path, split: str, count: int, seed: int) -> None:
    """A table of what each clip is, for people."""
    place = folder / "manifest.csv"
    temporary = folder / f".manifest.{os.getpid()}.csv"
    with open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class", "object", "motion", "timbre", "contour"])
        for index in range(count):
            content = rules.content(split, index, rules.generator(seed, split, index))
            label = "" if content.label is None else rules.CLASSES[content.label]
            names = [
                rules.OBJECTS[content.shape],
                rules.MOTIONS[content.motion],
                rules.TIMBRES[content.timbre],
                rules.CONTOURS[content.contour],
            ]
            writer.writerow([clip_path(folder, index).name, label, *names])
    os.replace(temporary, place)
