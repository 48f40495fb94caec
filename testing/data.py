"""Checks of data sets, decoders and transforms."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from antifaz.core.graph.loading import fake_batch
from antifaz.core.interfaces import CroppingDecoder, Entry, GivenKind, MakesSamples, Sample, SampleSet
from antifaz.core.seeds import seeded
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.data.batches import Collate
from antifaz.data.contract import counts_of, identity_of
from antifaz.data.media.file import Media
from antifaz.data.media.writing import write_clip
from antifaz.data.sources import Text, reads_file, reads_text

from .case import Case, require

SECONDS = 1.0
BATCH = 4


def _same(a: Sample, b: Sample) -> bool:
    def tensors(entry: Entry | None) -> list[torch.Tensor | None]:
        return [entry.values, entry.valid] if isinstance(entry, Features) else [entry]

    pairs = [(x, y) for name, value in a.entries.items() for x, y in zip(tensors(value), tensors(b.entries.get(name)), strict=True)]
    return all((x is None) == (y is None) and (x is None or y is None or torch.equal(x, y)) for x, y in pairs)


DECLARE = "let `shapes()` of the spec name the entries that there are"
GENERATORS = "draw from the global generators of torch, numpy or Python, which the loader seeds, or from none"


def load(samples: SampleSet, index: int, seed: int) -> Sample:
    """Load a sample as the loader does: with every global generator under its seed."""
    with seeded(seed):
        return samples.load(index, seed)


def require_declared(name: str, values: torch.Tensor, shape: Shape) -> None:
    """Fail unless a batch of an entry has the declared shape and type, and finite values."""
    got, wanted = f"{list(values.shape[1:])} of {values.dtype}", f"{list(shape.dims)} of torch.{shape.dtype}"
    require(got == wanted, f"{name} is {got}, declared is {wanted}", "return what the shape declares, or declare what is returned")
    finite = not values.is_floating_point() or bool(values.isfinite().all())
    require(finite, f"{name} is not finite", "return None for an entry that a sample lacks, and finite numbers otherwise")


def declared_shapes(case: Case) -> None:
    """Every sample has the declared entries in their shapes and types, or lacks some of them."""
    declared = case.spec.shapes()
    for training in (False, True):
        samples = case.spec.build(training)
        require(len(samples) > 0, "the example is empty", "let `prepare` of the example write a few samples")
        wrong = f"the set says {dict(samples.shapes)}, its spec {dict(declared)}"
        require(dict(samples.shapes) == dict(declared), wrong, "give the set the shapes that `shapes()` of the spec returns")
        loaded = [load(samples, i, i) for i in range(len(samples))]
        broken = [sample.problem for sample in loaded if sample.problem is not None]
        require(not broken, f"the example has samples that cannot be read: {broken[:1]}", "write readable ones in `prepare`")
        undeclared = {name for sample in loaded for name in sample.entries} - set(declared)
        wrong = f"samples hold {', '.join(sorted(undeclared))}, which is not declared"
        require(not undeclared, wrong, "add it to `shapes()` of the spec, or leave it out of the sample")
        batch = Collate(samples)([(sample, i) for i, sample in enumerate(loaded)])
        require(
            set(batch.entries) == set(declared), f"a batch holds {sorted(batch.entries)}, declared are {sorted(declared)}", DECLARE
        )
        for name, shape in declared.items():
            values = batch.entries[name].values
            require_declared(name, values, shape)


def seeded_samples(case: Case) -> None:
    """Read as the loader reads it, a sample follows from its seed, and in evaluation from nothing else than its file."""
    remedy = (
        "draw from `seed`, or from the global generators of torch, numpy or Python, which the loader seeds for every sample; "
        "`numpy.random.default_rng()` and `torch.Generator()` without a seed are others"
    )
    for training in (False, True):
        samples = case.spec.build(training)
        for index in range(min(3, len(samples))):
            require(_same(load(samples, index, 5), load(samples, index, 5)), f"sample {index} differs under one seed", remedy)
            wrong = f"sample {index} is random in evaluation"
            still = training or _same(load(samples, index, 5), load(samples, index, 6))
            require(
                still, wrong, "draw nothing where `build(training)` was called with False: the middle of a clip, no augmentation"
            )


def names_and_counts(case: Case) -> None:
    """Samples have names, and the set counts what it found, where it says so: both may be left out."""
    samples = case.spec.build(False)
    names = [identity_of(samples, i) for i in range(len(samples))]
    wrong = f"these are no names of samples: {[name for name in names if not (isinstance(name, str) and name)]}"
    require(all(isinstance(name, str) and name for name in names), wrong, "return a text that is not empty from `identity`")
    twice = sorted({name for name in names if names.count(name) > 1})
    wrong = f"several samples have one name: {', '.join(twice[:3])}"
    require(not twice, wrong, "return the path from `identity`, or what else a person finds the sample by")
    unnamed = sorted({"found", "missing", "unreadable"} - set(counts_of(samples)))
    wrong = f"`counts` does not say {', '.join(unnamed)}"
    require(not unnamed or not hasattr(samples, "counts"), wrong, "return how many samples are found, missing, unreadable")


def given_samples(case: Case) -> None:
    """Where a person may give what a sample is made of, samples of the example's files and of sentences are as declared."""
    if not isinstance(case.spec, MakesSamples):
        return
    spec: Any = case.spec
    declared = spec.shapes()
    for name, kind in spec.takes().items():
        wrong = f"`takes` says that {name!r} is {kind!r}"
        require(kind in get_args(GivenKind), wrong, f"say one of {', '.join(get_args(GivenKind))}")
        said: dict[str, Sequence[Any]] = {"sentence": ["a cat sleeps"], "sentences": [("a cat sleeps", "it dreams")]}
        offered: Sequence[Any] = case.files if kind == "file" else said[kind]
        loaded = [(samples, load(samples, 0, 0)) for samples in (spec.sample_of({name: each}) for each in offered)]
        readable = [(samples, sample) for samples, sample in loaded if sample.problem is None]
        reasons = [sample.problem for _, sample in loaded]
        wrong = f"`sample_of` reads none of the example's files as {name!r}: {reasons[:1]}"
        require(readable or not offered, wrong, "make a sample of the given file as of one of the data set's own")
        for samples, sample in readable:
            batch = Collate(samples)([(sample, 0)])
            for entry, values in batch.entries.items():
                require_declared(entry, values.values, declared[entry])


@contextmanager
def _sources(case: Case) -> Iterator[list[Media] | list[Text] | list[Path]]:
    """Yield inputs of a decoder: small files with sound and pictures, and with one of the two; or text, and an empty one; or what
    the example's `prepare` wrote."""
    if reads_file(case.spec):
        require(case.files, "it reads files, and its example has none", "give the example a `prepare` that writes some")
        yield list(case.files)
        return
    if reads_text(case.spec):
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
    with _sources(case) as sources:
        decodable = [source for source in sources if decoder.decode(source, 0.0) is not None]
        wrong = "it finds nothing in a file with sound and pictures, or in text"
        require(decodable, wrong, "return the clip that begins at `start` from `decode`")
        wrong = "it makes a clip of a file without its modality, or of an empty text"
        require(
            len(decodable) < len(sources) or reads_file(case.spec),
            wrong,
            "return None from `decode` there: the sample is then without this modality",
        )
        clips = [decoder.decode(m, start) for m in decodable for start in (0.0, 0.37, 2.9, 10.0)]
        if isinstance(decoder, CroppingDecoder):
            clips += [decoder.decode_crop(m, 0.37, crop) for m in decodable for crop in range(decoder.crops)]
        stored = [clip for clip in clips if clip is not None]
        forms = sorted({f"{list(clip.shape)} of {clip.dtype}" for clip in stored})
        wrong = f"stored clips differ in form: {', '.join(forms)}"
        require(len(forms) == 1, wrong, "return one shape and type from any place of any file; fill short ones up")
        again = decoder.decode(decodable[0], 0.37)
        wrong = "decoding the same clip twice gives different values"
        require(
            again is not None and torch.equal(again, stored[1]), wrong, "draw nothing in `decode`; what is random goes to `augment`"
        )
    with seeded(0):
        for training in (False, True):
            finished = decoder.finish(torch.stack([decoder.augment(clip) if training else clip for clip in stored]), training)
            if isinstance(finished, Features):
                marks, shape = list(finished.presence().shape), list(finished.values.shape)
                wrong = f"finished clips have the shape {shape}, and their marks {marks}"
                require(marks == shape[: len(marks)], wrong, "mark whole parts: `valid` has the first axes of `values`")
                finished = finished.values
            require_declared("a batch of finished clips", finished, declared)
            known = declared.vocab_size is None or bool(((finished >= 0) & (finished < (declared.vocab_size or 0))).all())
            wrong = f"finished clips hold numbers outside the declared vocabulary of {declared.vocab_size}"
            require(known, wrong, "declare the size of the vocabulary as `Shape.vocab_size`, its largest number and one")


def keeps_the_form(case: Case) -> None:
    """A transform gives back the shape and type that it got, and follows from torch's global generator."""
    transform = case.spec.build()
    (shape,) = case.inputs.values()
    assert isinstance(shape, Shape), "a transform's example has one value, a Shape"
    value = torch.randint(0, 255, shape.dims).to(getattr(torch, shape.dtype))
    results = []
    for _ in range(2):
        with seeded(3):
            results.append(transform(value.clone()))
    got, wanted = (f"{list(each.shape)} of {each.dtype}" for each in (results[0], value))
    require(got == wanted, f"a value of the form {wanted} became one of {got}", "return the shape and type that came")
    wrong = "under one seed it gives two results"
    require(torch.equal(*results), wrong, GENERATORS)


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
        require(name in declared, f"{name} is in the batch and not declared", DECLARE)
        require_declared(name, value.values, declared[name])
        wrong = f"{name} is there in a sample that had nothing"
        require(
            not (value.in_samples() & ~present).any(),
            wrong,
            "keep `valid` False where nothing came; mix with present samples alone",
        )
        require(torch.equal(value.values, results[1][name].values), f"under one seed {name} has two values", GENERATORS)
