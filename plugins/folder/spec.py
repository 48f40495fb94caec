"""A folder of media files with a CSV of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from antifaz.core.data.clips import Clip
from antifaz.core.interfaces import DecoderSpec
from antifaz.core.streams import Shape
from antifaz.registry import SpecError, at_least, component, option

if TYPE_CHECKING:
    from antifaz.core.data.samples import SampleSet


@component("dataset", "folder")
@attrs.frozen(kw_only=True)
class Folder:
    """Media files listed in a CSV: one file for all modalities (`path`), or a column for each; an empty cell is absence."""

    root: str = option(doc="folder that all paths stay inside")
    index: str = option(doc="the CSV, relative to `root`, with a header line")
    clip: Clip = option(doc="the span that is read")
    modalities: Mapping[str, DecoderSpec] = option(doc="{entry: decoder}")
    path: str = option(default="path", doc="column of the file that holds the modalities without a column of their own")
    label: str | None = option(default=None, doc="column of the class; null for none")
    classes: tuple[str, ...] = option(default=(), doc="class names, in the order of their numbers")
    separator: str | None = option(
        default=None, doc="splits several classes of one cell; the label is then one number for each class"
    )
    max_missing: int = option(default=0, validator=at_least(0), doc="how many listed files may be missing")
    cache: bool = option(default=False, doc="keep decoded clips on disk")

    def __attrs_post_init__(self) -> None:
        if self.label is not None and not self.classes:
            raise SpecError("the class names are missing", field="classes", hint="add `classes: [first, second, ...]`")
        if len(set(self.classes)) != len(self.classes):
            raise SpecError("a class is named twice", field="classes")
        if "label" in self.modalities:
            raise SpecError("`label` is the entry of the classes", field="modalities.label", hint="choose another name")

    def shapes(self) -> Mapping[str, Shape]:
        shapes = {name: decoder.shape(self.clip.seconds) for name, decoder in self.modalities.items()}
        if self.label is not None:
            many = self.separator is not None
            shapes["label"] = Shape((len(self.classes),), "float32", self.classes) if many else Shape((), "int64", self.classes)
        return shapes

    def build(self, training: bool) -> SampleSet:
        from .table import open_folder

        return open_folder(self, training)

    def peek(self) -> SampleSet | None:
        from .table import open_folder

        return open_folder(attrs.evolve(self, cache=False), training=False) if Path(self.root).is_dir() else None
