"""Decoded clips kept on disk: what `Decoder.decode` returned for every sample, memory-mapped.

A cache belongs to its files' contents and to the decoders' settings; anything else is another cache. It is written beside its place
and renamed when complete, and a damaged one is made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from antifaz.core.interfaces import DecoderSpec
from antifaz.core.streams import Shape
from antifaz.registry import DataError

from .clips import Clip
from .media import Media, UnreadableMedia
from .processes import worker_pool
from .samples import MediaSamples, Row, Sample

FORMAT = 1


class CachedSamples:
    """A MediaSamples whose decoding was done once.

    Args:
        samples: the set; its clips must not be random, or its files no longer than a clip.
        folder: where caches live.
        settings: what the decoded clips depend on besides the files, as plain data.
    Raises:
        DataError: random clips of files that are longer than the clip.
    """

    def __init__(self, samples: MediaSamples, folder: Path, settings: Mapping[str, Any]) -> None:
        self.samples = samples
        self.shapes = samples.shapes
        _refuse_random(samples)
        key = _digest(samples, settings)
        self.folder = folder / key
        index = _read_index(self.folder)
        if index is None:
            _build(samples, self.folder)
            index = _read_index(self.folder)
        if index is None:
            raise DataError(f"the cache {self.folder} cannot be written\n    set `cache: false`, or free its disk")
        self.present: Mapping[str, list[bool]] = index["present"]
        self.problems: Mapping[str, str] = index["problems"]
        self.arrays: dict[str, NDArray[Any]] = {n: np.load(self.folder / f"{n}.npy", mmap_mode="r") for n in index["digests"]}

    def __len__(self) -> int:
        return len(self.samples)

    def identity(self, index: int) -> str:
        return self.samples.identity(index)

    def counts(self) -> dict[str, int]:
        return {**self.samples.counts(), "unreadable": len(self.problems)}

    def finish(self, name: str, stored: Tensor) -> Tensor:
        return self.samples.finish(name, stored)

    def load(self, index: int, seed: int) -> Sample:
        if str(index) in self.problems:
            return Sample(index, dict.fromkeys(self.shapes), self.problems[str(index)])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            torch.rand(())  # the place of the clip, drawn as without a cache
            entries: dict[str, Tensor | None] = {}
            for name, array in self.arrays.items():
                there = self.present[name][index]
                stored = torch.from_numpy(np.array(array[index])) if there else None
                entries[name] = None if stored is None else self.samples._augmented(name, stored)
        return Sample(index, {**dict.fromkeys(self.samples.decoders), **entries, **self.samples.rows[index].extra})


def _refuse_random(samples: MediaSamples) -> None:
    if samples.clip.sampling != "random" or not samples.training:
        return
    for row in samples.rows:
        for path in {path for path in row.files.values() if path is not None}:
            try:
                media = Media(path)
            except UnreadableMedia:
                continue
            if media.duration > samples.clip.seconds + 0.25:
                raise DataError(
                    f"{path} lasts {media.duration:.2f} s; a cache cannot keep random clips of {samples.clip.seconds:g} s of it\n"
                    "    set `clip.sampling: center`, or `cache: false`"
                )


def _digest(samples: MediaSamples, settings: Mapping[str, Any]) -> str:
    """Names the cache of these contents under these settings."""
    digest = hashlib.blake2b(digest_size=16)
    place = "start" if samples.clip.sampling == "start" else "center"
    digest.update(json.dumps([FORMAT, settings, samples.clip.seconds, place], sort_keys=True, default=str).encode())
    known: dict[Path, bytes] = {}
    for row in samples.rows:
        for name, path in row.files.items():
            digest.update(name.encode())
            if path is not None:
                if path not in known:
                    known[path] = hashlib.blake2b(path.read_bytes(), digest_size=16).digest() if path.is_file() else b"missing"
                digest.update(known[path])
    return digest.hexdigest()


def _read_index(folder: Path) -> dict[str, Any] | None:
    """The index of a complete and undamaged cache, or None."""
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        whole = all(_file_digest(folder / f"{name}.npy") == digest for name, digest in index["digests"].items())
    except (OSError, ValueError, KeyError):
        return None
    return index if whole else None


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


_job: MediaSamples | None = None


def _decode_one(index: int) -> tuple[dict[str, NDArray[Any] | None], str | None]:
    if _job is None:
        raise RuntimeError("no job")
    stored, problem = _job.stored(index, 0.5)
    return {name: None if t is None else t.numpy() for name, t in stored.items()}, problem


def _build(samples: MediaSamples, folder: Path) -> None:
    """Decode every sample in parallel and put the cache in place."""
    global _job
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    present: dict[str, list[bool]] = {name: [] for name in samples.decoders}
    problems: dict[str, str] = {}
    arrays: dict[str, Any] = {}
    _job = samples
    try:
        with worker_pool() as pool:
            results = pool.imap(_decode_one, range(len(samples)), chunksize=8)
            for i, (stored, problem) in enumerate(track(results, "decoding", len(samples), transient=True)):
                if problem is not None:
                    problems[str(i)] = problem
                for name in samples.decoders:
                    value = stored.get(name)
                    present[name].append(value is not None)
                    if value is None:
                        continue
                    if name not in arrays:
                        shape = (len(samples), *value.shape)
                        arrays[name] = np.lib.format.open_memmap(partial / f"{name}.npy", "w+", value.dtype, shape)
                    arrays[name][i] = value
        for array in arrays.values():
            array.flush()
        digests = {name: _file_digest(partial / f"{name}.npy") for name in arrays}
        index = {"present": present, "problems": problems, "digests": digests}
        (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except OSError as error:
        if not (folder / "index.json").is_file():  # another process may have put the same cache there first
            raise DataError(f"the cache {folder} cannot be written: {error.strerror or error}\n    set `cache: false`") from None
    finally:
        _job = None
        shutil.rmtree(partial, ignore_errors=True)


def open_samples(
    rows: Sequence[Row],
    modalities: Mapping[str, DecoderSpec],
    clip: Clip,
    shapes: Mapping[str, Shape],
    *,
    training: bool,
    cache: Path | None,
    missing: int = 0,
) -> MediaSamples | CachedSamples:
    """The samples of a table of media files, through a cache if there is a folder for one."""
    decoders = {name: spec.build(clip.seconds) for name, spec in modalities.items()}
    samples = MediaSamples(rows, decoders, shapes, clip, training=training, missing=missing)
    if cache is None:
        return samples
    settings = {name: attrs.asdict(spec) for name, spec in modalities.items()}  # type: ignore[arg-type]
    for kept in settings.values():
        kept.pop("augment", None)  # augmentation works on what is cached
    return CachedSamples(samples, cache, settings)
