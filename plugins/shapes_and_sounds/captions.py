"""Short sentences on what a clip shows and how it sounds, as people might put it: some say little, some clips have none.

They come from random numbers of their own, so that pictures and sound are what they are without them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rules import SPLITS, Content

if TYPE_CHECKING:
    import numpy as np

MOST = 5
"""Sentences of a clip at most."""
WITHOUT = 0.1
"""Share of the clips that have no sentence."""
STREAM = 1
"""Sets the random numbers of sentences apart from those of the clips; not 0, which would be the same ones."""

OBJECTS = (("disc", "circle"), ("square", "box"), ("triangle", "wedge"), ("cross", "plus"))
MOTIONS = (
    ("moves left and right", "goes from side to side"),
    ("moves up and down", "bounces"),
    ("goes round", "runs in a circle"),
    ("grows and shrinks", "pulsates"),
)
TIMBRES = ("pure", "hollow", "bright", "rough")
CONTOURS = (
    ("a steady {} tone", "one {} note that stays"),
    ("a gliding {} tone", "a {} tone that slides"),
    ("a trembling {} tone", "a {} tone with vibrato"),
    ("a swelling {} tone", "a {} tone that breathes"),
)
SEEN = ("a {} {}", "the {} {}", "a {} that {}")
HEARD = ("{} is heard", "it sounds like {}", "{}")
BOTH = ("{} with {}", "{} and {}", "{} while {} is heard")


def sentences(seed: int, split: str, index: int, content: Content) -> tuple[str, ...]:
    """Return up to MOST different sentences on a clip's pictures, its sound or both; none for one clip in ten."""
    import numpy as np  # here, so that listing components stays fast

    rng = np.random.default_rng([seed, SPLITS.index(split), index, STREAM])
    if rng.random() < WITHOUT:
        return ()
    count = int(rng.integers(1, MOST + 1))
    return tuple(dict.fromkeys(_sentence(content, rng) for _ in range(count)))


def _sentence(content: Content, rng: np.random.Generator) -> str:
    def one_of(choices: tuple[str, ...]) -> str:
        return choices[int(rng.integers(len(choices)))]

    seen = one_of(SEEN).format(one_of(OBJECTS[content.shape]), one_of(MOTIONS[content.motion]))
    tone = one_of(CONTOURS[content.contour]).format(TIMBRES[content.timbre])
    subject = int(rng.integers(4))
    if subject == 0:
        return seen
    if subject == 1:
        return one_of(HEARD).format(tone)
    return one_of(BOTH).format(seen, tone)


def vocabulary() -> tuple[str, ...]:
    """Return every word that a sentence may have, in alphabetical order."""
    parts = [
        *TIMBRES,
        *SEEN,
        *HEARD,
        *BOTH,
        *(phrase for group in (OBJECTS, MOTIONS, CONTOURS) for pair in group for phrase in pair),
    ]
    return tuple(sorted({word for part in parts for word in part.replace("{}", "").split()}))
