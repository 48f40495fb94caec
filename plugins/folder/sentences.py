"""Sentences out of the cells of a CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from antifaz.core.data.text import Text, by_source
from antifaz.registry import IndexFileError

if TYPE_CHECKING:
    from .spec import Folder


def sentences(spec: Folder, cells: Mapping[str, str], where: str) -> dict[str, Text | None]:
    """What a row says in each entry of text; None where its cells are empty."""
    _, names = by_source(spec.modalities)
    found: dict[str, Text | None] = {}
    for name in names:
        how = spec.cells(name)
        parts = [part for column in spec.columns_of(name) for part in _split(cells.get(column), how.separator)]
        times = None if how.times is None else _times(_split(cells.get(how.times), how.separator), len(parts), where)
        said = [i for i, part in enumerate(parts) if part]
        chosen = () if times is None else tuple(times[i] for i in said)
        found[name] = Text(tuple(parts[i] for i in said), chosen) if said else None
    return found


def _split(cell: str | None, separator: str | None) -> list[str]:
    text = (cell or "").strip()
    if not text:
        return []
    return [text] if separator is None else [part.strip() for part in text.split(separator)]


def _times(parts: list[str], sentences: int, where: str) -> list[float]:
    """Seconds, one for each sentence."""
    if len(parts) != sentences:
        raise IndexFileError(f"{where}: {len(parts)} times for {sentences} sentences")
    try:
        times = [float(part) for part in parts]
    except ValueError:
        times = [math.nan]
    if not all(map(math.isfinite, times)):
        raise IndexFileError(f"{where}: times must be seconds, not {', '.join(parts)}")
    return times
