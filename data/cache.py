"""Decoded clips kept on disk: the results of `Decoder.decode` for every sample, memory-mapped.

A cache belongs to its files' contents and to the decoders' settings; anything else is another cache. It is written beside its place
and renamed when complete, and a damaged one is made anew.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.errors import DataError
from antifaz.core.interfaces import Decoder, DecoderSpec, Entry, Sample
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.registry import WriteError
from antifaz.registry.files import write_atomically

from .clips import Clip
from .samples import Decoded, MediaSamples, Row, media_samples
from .workers import in_parallel

FORMAT = 3


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
        self.shapes, self.views = samples.shapes, samples.views
        note = folder / f".opened-{_quick_digest(samples, settings)}"
        opened = None if collectives.is_main() else _opened_by_main(note)
        self.folder, index = opened or (folder / _digest(samples, settings), None)
        if index is None:
            index = _read_index(self.folder)
        if index is None:
            _build(samples, self.folder)
            index = _read_index(self.folder)
        if index is None:
            message = f"the cache {self.folder} is damaged as soon as it is written"
            raise WriteError(message, hint="set `cache: false`, or check its disk")
        if opened is None and collectives.world_size() > 1:
            write_atomically(note, self.folder.name)
        if index["longer"] is not None:
            _refuse_random(samples, index["longer"])
        self.present: Mapping[str, list[bool]] = index["present"]
        self.problems: Mapping[str, str] = index["problems"]
        self.notes: Mapping[str, str] = index["notes"]
        self.arrays: dict[str, NDArray[Any]] = {n: np.load(self.folder / f"{n}.npy", mmap_mode="r") for n in index["digests"]}

    def __len__(self) -> int:
        return len(self.samples)

    def identity(self, index: int) -> str:
        return self.samples.identity(index)

    def sentences(self, index: int) -> tuple[str, ...]:
        return self.samples.sentences(index)

    def counts(self) -> dict[str, int]:
        return {**self.samples.counts(), "unreadable": len(self.problems)}

    def finish(self, name: str, stored: Tensor) -> Entry:
        return self.samples.finish(name, stored)

    def load(self, index: int, seed: int) -> Sample:
        entries: dict[str, Tensor | None] = dict.fromkeys(self.samples.decoders)
        for name, array in self.arrays.items():
            if self.present[name][index]:
                entries[name] = torch.from_numpy(np.array(array[index]))
        with seeded(seed):
            torch.rand(())  # the place of the clip, drawn as without a cache
            decoded = Decoded(entries, self.problems.get(str(index)), self.notes.get(str(index)))
            return self.samples.sample(index, decoded)


def _refuse_random(samples: MediaSamples, name: str) -> None:
    if samples.training and samples.clip.sampling == "random":
        raise DataError(
            f"{name} is longer than a clip; a cache cannot keep random clips of {samples.clip.seconds:g} s of it",
            hint="set `clip.sampling: center`, or `cache: false`",
        )


def _opened_by_main(note: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return the cache that the main process has just opened or made, and its index; None where it left no note on this machine."""
    try:
        folder = note.with_name(note.read_text(encoding="utf-8"))
        return folder, json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _digest(samples: MediaSamples, settings: Mapping[str, Any]) -> str:
    """Return the name of the cache of these contents under these settings."""
    paths = list(dict.fromkeys(path for row in samples.rows for path in row.files.values() if path is not None))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # hashing leaves Python's lock
        contents = dict(zip(paths, pool.map(_content, paths), strict=True))
    return _digest_of(samples, settings, contents)


def _quick_digest(samples: MediaSamples, settings: Mapping[str, Any]) -> str:
    """Return a digest like that of the contents, which reads no file: by their paths, sizes and times."""
    paths = {path for row in samples.rows for path in row.files.values() if path is not None}
    return _digest_of(samples, settings, {path: _appearance(path) for path in paths})


def _appearance(path: Path) -> str:
    try:
        stat = path.stat()
    except OSError:
        return f"{path} unreadable"
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def _digest_of(samples: MediaSamples, settings: Mapping[str, Any], contents: Mapping[Path, str]) -> str:
    """Return a digest of samples and settings. contents: what stands for each file."""
    digest = hashlib.blake2b(digest_size=16)
    place = "start" if samples.clip.sampling == "start" else "center"
    clips = [samples.clip.seconds, place, samples.views, samples.crops]
    digest.update(json.dumps([FORMAT, settings, clips], sort_keys=True, default=str).encode())
    for row in samples.rows:
        for name, path in row.files.items():
            digest.update(f"/{name}:{'' if path is None else contents[path]}".encode())
        for name, text in row.texts.items():
            timed_sentences = [] if text is None else [text.sentences, text.times]
            digest.update(f"/{name}:{json.dumps(timed_sentences)}".encode())
    return digest.hexdigest()


def _content(path: Path) -> str:
    """Return the digest of a file, or a word where it cannot be read, which then is the sample's problem."""
    try:
        return _file_digest(path)
    except OSError:
        return "unreadable"


def _read_index(folder: Path) -> dict[str, Any] | None:
    """Return the index of a complete and undamaged cache, or None."""
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        whole = all(_file_digest(folder / f"{name}.npy") == digest for name, digest in index["digests"].items())
    except (OSError, ValueError, KeyError):
        return None
    return index if whole else None


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _decode_one(samples: MediaSamples, index: int) -> tuple[dict[str, NDArray[Any]], Decoded]:
    """Return arrays, as tensors would travel through shared memory one by one, and what else is known of the sample."""
    decoded = samples.decoded(index, 0.5)
    arrays = {n: t.numpy() for n, t in decoded.entries.items() if t is not None}
    return arrays, replace(decoded, entries={})


def _build(samples: MediaSamples, folder: Path) -> None:
    """Decode every sample in parallel and put the cache in place."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        index = _write(samples, partial)
        (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")
        if _read_index(folder) is None:  # or else another process was faster
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    except OSError as error:
        if _read_index(folder) is None:
            raise WriteError.of(folder, error, hint="set `cache: false`") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(samples: MediaSamples, partial: Path) -> dict[str, Any]:
    """Write the arrays, one file for each modality that any sample has, and return the index."""
    present: dict[str, list[bool]] = {name: [] for name in samples.decoders}
    problems: dict[str, str] = {}
    notes: dict[str, str] = {}
    longer: str | None = None
    with ExitStack() as files:
        arrays: dict[str, _ArrayFile] = {}
        results = in_parallel(functools.partial(_decode_one, samples), range(len(samples)))
        for i, (stored, decoded) in enumerate(track(results, "decoding", len(samples), transient=True)):
            if decoded.problem is not None:
                problems[str(i)] = decoded.problem
            if decoded.note is not None:
                notes[str(i)] = decoded.note
            if decoded.longer and longer is None:
                longer = samples.identity(i)
                _refuse_random(samples, longer)
            for name, value in stored.items():
                if name not in arrays:
                    arrays[name] = files.enter_context(_ArrayFile(partial / f"{name}.npy", len(samples), value))
                arrays[name].put(i, value)
            for name, flags in present.items():
                flags.append(name in stored)
    digests = {name: _file_digest(partial / f"{name}.npy") for name in arrays}
    return {"present": present, "problems": problems, "notes": notes, "digests": digests, "longer": longer}


class _ArrayFile:
    """A .npy file of many rows like the first. Written, not mapped: a full disk is an OSError here, and there a crash."""

    def __init__(self, path: Path, rows: int, first: NDArray[Any]) -> None:
        self.file = open(path, "wb")  # noqa: SIM115 - closed in __exit__
        self.shape, self.dtype, self.rows = first.shape, first.dtype, rows
        header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False, "shape": (rows, *first.shape)}
        np.lib.format.write_array_header_2_0(self.file, header)
        self.begin = self.file.tell()

    def put(self, row: int, value: NDArray[Any]) -> None:
        if (value.shape, value.dtype) != (self.shape, self.dtype):
            raise ValueError(f"a decoder made {value.dtype} {value.shape} after {self.dtype} {self.shape}: `decode` has one form")
        self.file.seek(self.begin + row * value.nbytes)
        self.file.write(np.ascontiguousarray(value).data)

    def __enter__(self) -> _ArrayFile:
        return self

    def __exit__(self, *_: object) -> None:
        with self.file:
            row = int(np.prod(self.shape)) * self.dtype.itemsize
            self.file.truncate(self.begin + self.rows * row)


def _settings(spec: DecoderSpec, decoder: Decoder) -> dict[str, Any]:
    """Return what a decoder's clips depend on: its name, and its options without those that work on cached clips."""
    options = attrs.asdict(spec)  # type: ignore[arg-type]
    options.pop("augment", None)
    if (fingerprint := getattr(decoder, "fingerprint", None)) is not None:
        options["fingerprint"] = fingerprint
    return {"decoder": f"{type(spec).__module__}.{type(spec).__qualname__}", **options}


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
    """Open the samples of a table of media files, through a cache if there is a folder for one."""
    samples = media_samples(rows, modalities, clip, shapes, training=training, missing=missing)
    return samples if cache is None else cached(samples, modalities, cache)


def cached(samples: MediaSamples, modalities: Mapping[str, DecoderSpec], folder: Path) -> CachedSamples:
    """Open the samples through a cache in this folder."""
    return CachedSamples(samples, folder, {name: _settings(spec, samples.decoders[name]) for name, spec in modalities.items()})
