"""Sentences out of the cells of a CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from antifaz.core.errors import IndexFileError
from antifaz.data.sources import Text, by_source

if TYPE_CHECKING:
    from .spec import Folder


def sentences(spec: Folder, cells: Mapping[str, str], where: str) -> dict[str, Text | None]:
    """Return a row's sentences for each entry of text; None where its cells are empty."""
    _, names = by_source(spec.modalities)
    by_entry: dict[str, Text | None] = {}
    for name in names:
        how = spec.cells(name)
        parts = [part for column in spec.columns_of(name) for part in _split(cells.get(column), how.separator)]
        times = () if how.times is None else _times(_split(cells.get(how.times), how.separator), parts, where)
        spoken = tuple(part for part in parts if part)
        by_entry[name] = Text(spoken, times) if spoken else None
    return by_entry


def _split(cell: str | None, separator: str | None) -> list[str]:
    text = (cell or "").strip()
    if not text:
        return []
    return [text] if separator is None else [part.strip() for part in text.split(separator)]


def _times(cells: list[str], sentences: list[str], where: str) -> tuple[float, ...]:
    """Seconds of the sentences that are not blank; one beside a blank sentence may be blank as well."""
    if len(cells) != len(sentences):
        message = f"{where}: {_count(len(cells), 'time')} for {_count(len(sentences), 'sentence')}"
        raise IndexFileError(message, hint="write one time for each sentence, in the same order")
    times = [
        (sentence, _seconds(cell, sentence, where)) for cell, sentence in zip(cells, sentences, strict=True) if cell or sentence
    ]
    return tuple(seconds for sentence, seconds in times if sentence)


def _seconds(cell: str, sentence: str, where: str) -> float:
    if not cell:
        raise IndexFileError(f"{where}: the sentence {sentence!r} has no time", hint="write its second in the file")
    try:
        seconds = float(cell)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise IndexFileError(f"{where}: a time is a number of seconds, not {cell!r}", hint="write 83.5 for 1 minute 23.5 seconds")
    return seconds


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number in (0, 1) else 's'}"
