"""A sample out of what a person gives: files and sentences for the entries of a data set that decodes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from antifaz.core.errors import DataError
from antifaz.core.interfaces import Decoder, DecoderSpec
from antifaz.core.tokens import Features

from .clips import Clip
from .samples import MediaSamples, Row, media_samples
from .sources import PATH, TEXT, Text, by_source, sentences_taken


def media_sample(given: Mapping[str, Any], modalities: Mapping[str, DecoderSpec], clip: Clip) -> MediaSamples:
    """Make the set of the views of one sample, as in evaluation.

    given: by the names of `sources.takes`: a Path, or an array in the form that the decoder's `decode` returns; a str or several.
    modalities: {entry: spec of its decoder}.

    Raises:
        DataError: an array of another form, a sentence without a word, more sentences than their entries take.
    """
    media, texts = by_source(modalities)
    by_entry = {entry: given.get(entry, given.get(PATH)) for entry in media}
    files = {entry: value if isinstance(value, Path) else None for entry, value in by_entry.items()}
    arrays = {n: torch.as_tensor(value) for n, value in by_entry.items() if not isinstance(value, Path | None)}
    spoken = {entry: given.get(entry, given.get(TEXT)) for entry in texts}
    sentences = {entry: (said,) if isinstance(said, str) else tuple(said) for entry, said in spoken.items() if said is not None}
    row = Row(files, arrays, {entry: Text(said) for entry, said in sentences.items()})
    shapes = {entry: spec.shape(clip.seconds) for entry, spec in modalities.items()}
    samples = media_samples([row], modalities, clip, shapes, training=False)
    for entry, stored in arrays.items():
        _require_form(entry, stored, samples)
    for said in dict.fromkeys(sentences.values()):
        readers = [entry for entry, each in sentences.items() if each == said]
        _require_words(said, [samples.decoders[entry] for entry in readers])
        _require_room(said, {entry: sentences_taken(modalities[entry]) or 1 for entry in readers})
    return samples


def _require_form(entry: str, stored: Tensor, samples: MediaSamples) -> None:
    """Refuse an array out of which the entry's decoder does not make what it declares."""
    declared = samples.shapes[entry]
    try:
        finished = samples.finish(entry, stored[None])
        values = finished.values if isinstance(finished, Features) else finished
        made = f"it becomes {list(values.shape[1:])} of {str(values.dtype).removeprefix('torch.')}"
        fits = (tuple(values.shape[1:]), str(values.dtype)) == (declared.dims, f"torch.{declared.dtype}")
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        made, fits = str(error).partition("\n")[0], False
    if not fits:
        message = (
            f"the array given as {entry!r}, {list(stored.shape)}, does not give {list(declared.dims)} of {declared.dtype}: {made}"
        )
        raise DataError(message, hint="give an array as the decoder's `decode` returns it, or the path of a file")


def _require_words(sentences: Sequence[str], decoders: Sequence[Decoder]) -> None:
    """Refuse a sentence out of which none of these decoders makes anything."""
    for sentence in sentences:
        if all(decoder.decode(Text((sentence,)), 0.0) is None for decoder in decoders):
            raise DataError(f"the text {sentence!r} is empty: it has no word", hint="write a word, or leave this text out")


def _require_room(sentences: Sequence[str], taken: Mapping[str, int]) -> None:
    """Refuse more sentences than any of these entries takes."""
    if len(sentences) > max(taken.values()):
        raise too_many(len(sentences), taken)


def too_many(count: int, taken: Mapping[str, int]) -> DataError:
    """Return the error of more sentences than the entries take. taken: how many each does."""
    takes = ", ".join(f"{entry!r} takes {number}" for entry, number in taken.items())
    return DataError(f"{count} sentences are too many for one sample: {takes}", hint="ask again for the others")
