"""Patterns of dotted names: `encoder`, `encoder.blocks.0-5`, `*.bias`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

RANGE = re.compile(r"(\d+)-(\d+)")


def matches(pattern: str, name: str, *, whole: bool = False) -> bool:
    """Return whether a pattern stands for a dotted name, or for a part of the tree that holds it.

    Each part of the pattern is held against the part of the name in its place: `*` and `?` stand for any characters of it, `0-5`
    for the numbers from 0 to 5. A pattern with fewer parts than the name stands for everything below it; one with more does not.
    `**` stands for any number of parts: `**.bias` for every `bias`, `encoder.**.attention` for those below the encoder.

    whole: the pattern stands for names as deep as itself alone, and for nothing below them.
    """
    return _match(pattern.split("."), name.split("."), whole)


def is_plain(part: str) -> bool:
    """Return whether a part of a pattern stands for itself alone."""
    return RANGE.fullmatch(part) is None and not set(part) & set("*?[")


def _match(wanted: Sequence[str], parts: Sequence[str], whole: bool) -> bool:
    if not wanted:
        return not (whole and parts)
    if wanted[0] == "**":
        return any(_match(wanted[1:], parts[i:], whole) for i in range(len(parts) + 1))
    return bool(parts) and _part_matches(wanted[0], parts[0]) and _match(wanted[1:], parts[1:], whole)


def _part_matches(pattern: str, part: str) -> bool:
    numbers = RANGE.fullmatch(pattern)
    if numbers is not None:
        return part.isdecimal() and int(numbers[1]) <= int(part) <= int(numbers[2])
    return fnmatchcase(part, pattern)
