"""shapes_and_sounds: the embedded data set. Rules and ceilings: see rules.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from antifaz.core.interfaces import DecoderSpec, GivenKind
from antifaz.core.streams import Shape
from antifaz.data.clips import Clip
from antifaz.data.sources import takes
from antifaz.registry import SpecError, at_least, component, option, positive

from .rules import CLASSES, LABELLED

if TYPE_CHECKING:
    from antifaz.core.interfaces import SampleSet

ROOT = "runs/data/shapes_and_sounds"
EARLIER_ROOT = "data/shapes_and_sounds"


@component("dataset", "shapes_and_sounds")
@attrs.frozen(kw_only=True)
class ShapesAndSounds:
    """Two-second clips of a moving object with a tone: made once, stored as real mp4 files, read like any file."""

    split: Literal["paired", "paired_validation", "paired_test", "train", "validation", "test"] = option(
        doc="paired splits have no labels; there, look and sound always belong together"
    )
    clip: Clip = option(doc="the span that is read")
    modalities: Mapping[str, DecoderSpec] = option(doc="{entry: decoder}; decoders of text read short sentences on the clip")
    samples: int | None = option(default=None, validator=positive, doc="how many clips")
    per_class: int | None = option(default=None, validator=positive, doc="how many clips of each class, instead of `samples`")
    preset: Literal["normal", "hard"] = option(default="normal", doc="hard: hues tell nothing, outlines alone do")
    seed: int = option(default=0, validator=at_least(0), doc="of the data")
    root: str = option(default=ROOT, doc="folder of the files")
    cache: bool = option(default=False, doc="keep decoded clips on disk")

    def __attrs_post_init__(self) -> None:
        if (self.samples is None) == (self.per_class is None):
            raise SpecError("give one of `samples` and `per_class`", field="samples")
        if self.per_class is not None and self.split not in LABELLED:
            raise SpecError(f"the split {self.split!r} has no classes", field="per_class", hint=f"labelled: {', '.join(LABELLED)}")
        if "label" in self.modalities:
            raise SpecError("`label` is the entry of the classes", field="modalities.label", hint="choose another name")

    @property
    def count(self) -> int:
        return self.samples if self.samples is not None else (self.per_class or 0) * len(CLASSES)

    @property
    def folder(self) -> Path:
        """Return the root; in place of the default, the default of earlier versions where it has been filled."""
        return Path(EARLIER_ROOT if self.root == ROOT and Path(EARLIER_ROOT).is_dir() else self.root)

    def shapes(self) -> Mapping[str, Shape]:
        shapes = {name: decoder.shape(self.clip.seconds) for name, decoder in self.modalities.items()}
        if self.split in LABELLED:
            shapes["label"] = Shape((), "int64", CLASSES)
        return shapes

    def build(self, training: bool) -> SampleSet:
        from .generation import open_split

        return open_split(self, self.folder, training)

    def peek(self) -> SampleSet | None:
        from .generation import peek_split

        return peek_split(self, self.folder)

    def takes(self) -> Mapping[str, GivenKind]:
        return takes(self.modalities)

    def sample_of(self, given: Mapping[str, Any]) -> SampleSet:
        from antifaz.data.given import media_sample

        return media_sample(given, self.modalities, self.clip)
