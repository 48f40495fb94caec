"""Patterns of dotted names: `encoder`, `encoder.blocks.0-5`, `*.bias`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

RANGE = re.compile(r"(\d+)-(\d+)")


def matches(pattern: str, name: str) -> bool:
    """Return whether a pattern stands for a dotted name, or for a part of the tree that holds it.

    Each part of the pattern is held against the part of the name in its place: `*` and `?` stand for any characters of it, `0-5`
    for the numbers from 0 to 5. A pattern with fewer parts than the name stands for everything below it; one with more does not.
    One that begins with `**.` may begin anywhere: `**.bias` stands for every `bias`.
    """
    if pattern.startswith("**."):
        rest = pattern.removeprefix("**.")
        return any(matches(rest, tail) for tail in tails(name))
    wanted, parts = pattern.split("."), name.split(".")
    return len(wanted) <= len(parts) and all(map(_part_matches, wanted, parts))


def is_plain(part: str) -> bool:
    """Return whether a part of a pattern stands for itself alone."""
    return RANGE.fullmatch(part) is None and not set(part) & set("*?[")


def tails(name: str) -> Iterable[str]:
    """Yield the name, and what is left of it without its first part, its first two, ..."""
    parts = name.split(".")
    return (".".join(parts[i:]) for i in range(len(parts)))


def _part_matches(pattern: str, part: str) -> bool:
    numbers = RANGE.fullmatch(pattern)
    if numbers is not None:
        return part.isdecimal() and int(numbers[1]) <= int(part) <= int(numbers[2])
    return fnmatchcase(part, pattern)
