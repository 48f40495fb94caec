"""What a clip shows, sounds like and is called. No torch.

Sixteen balanced classes in four groups of four; the group is shown by the motion and by the contour alike.

| group | rule | video alone | audio alone | late fusion | joint |
| --- | --- | --- | --- | --- | --- |
| redundant | object i goes with timbre i | 100 | 100 | 100 | 100 |
| heard | timbre decides, object random | 25 | 100 | 100 | 100 |
| seen | object decides, timbre random | 100 | 25 | 100 | 100 |
| joint | the pair of the object x whether look and sound agree | 50 | 50 | 50 | 100 |
| ceiling | | 68.75 | 68.75 | 87.5 | 100 |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import numpy as np

GROUPS = ("redundant", "heard", "seen", "joint")
OBJECTS = ("disc", "square", "triangle", "cross")
MOTIONS = ("left-right", "up-down", "round", "growing")
TIMBRES = ("sine", "odd", "even", "noisy")
CONTOURS = ("steady", "glide", "vibrato", "swell")
CLASSES = tuple(f"{group}-{i}" for group in GROUPS for i in range(4))

PAIRED = ("paired", "paired_validation", "paired_test")
LABELLED = ("train", "validation", "test")
SPLITS = PAIRED + LABELLED

CEILINGS: Mapping[str, float] = {"video": 68.75, "audio": 68.75, "late": 87.5, "fusion": 100.0}
"""Best accuracy in percent, by what an answer may look at."""


@attrs.frozen
class Content:
    """Numbers of the object, motion, timbre and contour of a clip, and its class (None in paired splits)."""

    shape: int
    motion: int
    timbre: int
    contour: int
    label: int | None


def generator(seed: int, split: str, index: int) -> np.random.Generator:
    """The random numbers of one clip; other clips and splits have others."""
    import numpy as np  # here, so that listing components stays fast

    return np.random.default_rng([seed, SPLITS.index(split), index])


def content(split: str, index: int, rng: np.random.Generator) -> Content:
    """Return the content of a split's clip. Classes, or object-motion pairs, come in turn, so every 16 clips are balanced."""
    group, i = divmod(index % 16, 4)
    if split in PAIRED:
        return Content(i, group, i, group, None)
    shape, timbre = labelled_pair(group, i, int(rng.integers(4)), int(rng.integers(2)))
    return Content(shape, group, timbre, group, index % 16)


def labelled_pair(group: int, i: int, other: int, member: int) -> tuple[int, int]:
    """Object and timbre of class i of a group. other: 0..3, member: 0..1, the random choices that the rule leaves."""
    if GROUPS[group] == "redundant":
        return i, i
    if GROUPS[group] == "heard":
        return other, i
    if GROUPS[group] == "seen":
        return i, other
    pair, agree = divmod(i, 2)
    shape = 2 * pair + member
    return shape, shape if agree else 2 * pair + 1 - member
