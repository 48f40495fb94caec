"""Checks of data sets, decoders and transforms."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from antifaz.core.graph.loading import fake_batch
from antifaz.core.interfaces import CroppingDecoder, Entry, Sample
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.batches import Collate
from antifaz.data.media.file import Media
from antifaz.data.media.writing import write_clip
from antifaz.data.samples import class_out_of_range
from antifaz.data.text import Text, reads_text

from .case import Case

SECONDS = 1.0
BATCH = 4


def _same(a: Sample, b: Sample) -> bool:
    def tensors(entry: Entry | None) -> list[torch.Tensor | None]:
        return [entry.values, entry.valid] if isinstance(entry, Features) else [entry]

    pairs = [(x, y) for name, value in a.entries.items() for x, y in zip(tensors(value), tensors(b.entries.get(name)), strict=True)]
    return all((x is None) == (y is None) and (x is None or y is None or torch.equal(x, y)) for x, y in pairs)


def declared_shapes(case: Case) -> None:
    """Every sample has the declared entries in their shapes and types, or lacks some of them."""
    declared = case.spec.shapes()
    for training in (False, True):
        samples = case.spec.build(training)
        assert len(samples) > 0, "the example is empty"
        assert dict(samples.shapes) == dict(declared), f"the set says {samples.shapes}, its spec {declared}"
        loaded = [samples.load(i, i) for i in range(len(samples))]
        broken = [sample.problem for sample in loaded if sample.problem is not None]
        assert not broken, f"the example has samples that cannot be read: {broken[0]}"
        undeclared = {name for sample in loaded for name in sample.entries} - set(declared)
        assert not undeclared, f"samples hold {', '.join(sorted(undeclared))}, which is not declared"
        batch = Collate(samples)([(sample, i) for i, sample in enumerate(loaded)])
        assert set(batch.entries) == set(declared)
        for name, shape in declared.items():
            values = batch.entries[name].values
            got = (tuple(values.shape[1:]), str(values.dtype))
            assert got == (shape.dims, f"torch.{shape.dtype}"), f"{name} is {got}, declared is {shape}"
            assert not values.is_floating_point() or bool(values.isfinite().all()), f"{name} is not finite"
            wrong = class_out_of_range(values, shape)
            assert wrong is None, f"{name} is class {wrong} of {len(shape.classes)}"


def seeded_samples(case: Case) -> None:
    """A sample follows from its seed, and in evaluation from nothing else than its file; torch's generator is left as it was."""
    for training in (False, True):
        samples = case.spec.build(training)
        before = torch.get_rng_state()
        for index in range(min(3, len(samples))):
            assert _same(samples.load(index, 5), samples.load(index, 5)), f"sample {index} differs under one seed"
            if not training:
                assert _same(samples.load(index, 5), samples.load(index, 6)), f"sample {index} is random in evaluation"
        assert torch.equal(before, torch.get_rng_state()), "loading a sample moves torch's global generator"


def names_and_counts(case: Case) -> None:
    """Samples have names, and the set counts what it found."""
    samples = case.spec.build(False)
    names = [samples.identity(i) for i in range(len(samples))]
    assert all(isinstance(name, str) and name for name in names)
    assert len(set(names)) == len(names), "two samples have one name"
    assert {"found", "missing", "unreadable"} <= set(samples.counts())


@contextmanager
def _sources(spec: Any) -> Iterator[list[Media] | list[Text]]:
    """Yield inputs of a decoder: small files with sound and pictures, and with one of the two; or text, and an empty one."""
    if reads_text(spec):
        yield [Text(("a cat sleeps", "ein Hund läuft")), Text(("a cat " * 300,)), Text((" ",))]
        return
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (24, 48, 64, 3), dtype=np.uint8)
    sound = (0.3 * np.sin(np.arange(48000) / 8)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.mp4" for name in ("both", "silent", "dark")}
        write_clip(paths["both"], frames, sound, fps=8, sample_rate=16000)
        write_clip(paths["silent"], frames, None, fps=8, sample_rate=16000)
        write_clip(paths["dark"], None, sound, fps=8, sample_rate=16000)
        yield [Media(path) for path in paths.values()]


def decoded_shapes(case: Case) -> None:
    """Clips of one form from any place of a source, the declared shape when finished, None where it lacks the modality."""
    decoder = case.spec.build(SECONDS)
    declared = case.spec.shape(SECONDS)
    with _sources(case.spec) as sources:
        decodable = [source for source in sources if decoder.decode(source, 0.0) is not None]
        assert decodable, "it finds nothing in a file with sound and pictures, or in text"
        assert len(decodable) < len(sources), "a file without this modality, or an empty text, must give None"
        clips = [decoder.decode(m, start) for m in decodable for start in (0.0, 0.37, 2.9, 10.0)]
        if isinstance(decoder, CroppingDecoder):
            clips += [decoder.decode_crop(m, 0.37, crop) for m in decodable for crop in range(decoder.crops)]
        stored = [clip for clip in clips if clip is not None]
        assert len({(tuple(clip.shape), clip.dtype) for clip in stored}) == 1, "stored clips differ in form"
        again = decoder.decode(decodable[0], 0.37)
        assert again is not None
        assert torch.equal(again, stored[1]), "decoding is not deterministic"
    with seeded(0):
        for training in (False, True):
            finished = decoder.finish(torch.stack([decoder.augment(clip) if training else clip for clip in stored]), training)
            if isinstance(finished, Features):
                assert finished.presence().shape == finished.values.shape[: finished.presence().dim()]
                finished = finished.values
            assert tuple(finished.shape[1:]) == declared.dims, f"finished clips are {list(finished.shape[1:])}, not {declared.dims}"
            assert finished.dtype == getattr(torch, declared.dtype)
            assert bool(finished.isfinite().all())
            assert declared.vocab_size is None or bool(((finished >= 0) & (finished < declared.vocab_size)).all())


def keeps_the_form(case: Case) -> None:
    """A transform gives back the shape and type that it got, and follows from torch's global generator."""
    transform = case.spec.build()
    (shape,) = case.inputs.values()
    assert isinstance(shape, Shape)
    value = torch.randint(0, 255, shape.dims).to(getattr(torch, shape.dtype))
    results = []
    for _ in range(2):
        with seeded(3):
            results.append(transform(value.clone()))
    assert results[0].shape == value.shape, f"{list(value.shape)} became {list(results[0].shape)}"
    assert results[0].dtype == value.dtype
    assert torch.equal(*results), "it is random by something else than torch's global generator"


def declared_batches(case: Case) -> None:
    """A batch has the shapes that it declares, and follows from torch's global generator; what is absent stays absent."""
    inputs = {name: shape for name, shape in case.inputs.items() if isinstance(shape, Shape)}
    declared = {**inputs, **case.spec.shapes(inputs)}
    transform = case.spec.build(inputs)
    torch.manual_seed(0)
    present = torch.tensor([True, True, False, True])
    batch = {name: Features(value.values, present) for name, value in fake_batch(inputs, BATCH).items()}
    results = []
    for _ in range(2):
        with seeded(3):
            results.append(transform(batch))
    for name, value in results[0].items():
        got = (tuple(value.values.shape[1:]), str(value.values.dtype))
        assert got == (declared[name].dims, f"torch.{declared[name].dtype}"), f"{name} is {got}, declared is {declared[name]}"
        assert not bool((value.in_samples() & ~present).any()), f"{name} is there in a sample that had nothing"
        assert torch.equal(value.values, results[1][name].values), f"{name} is random by something else than torch's generator"
