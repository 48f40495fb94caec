"""A folder of media files with a CSV of paths and labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from antifaz.core.interfaces import DecoderSpec, GivenKind
from antifaz.core.streams import Shape
from antifaz.data.clips import Clip
from antifaz.data.sources import by_source, takes
from antifaz.registry import SpecError, at_least, component, option, suggest

if TYPE_CHECKING:
    from antifaz.core.interfaces import SampleSet


@attrs.frozen(kw_only=True)
class TextCells:
    """The cells of the CSV that hold the sentences of an entry."""

    columns: tuple[str, ...] | None = option(
        default=None, doc="columns of sentences, the most important first; default the entry's name"
    )
    separator: str | None = option(default=None, doc="splits several sentences of one cell; null for one sentence in each cell")
    times: str | None = option(
        default=None,
        doc="column of the seconds of each sentence in the file, split like the sentences; the nearest to a clip are taken",
    )

    def __attrs_post_init__(self) -> None:
        if self.columns == ():
            raise SpecError("sentences need a column", field="columns", hint="leave it out for the column of the entry's name")
        if self.separator == "":
            raise SpecError("nothing cannot split sentences", field="separator")
        if self.times is not None and len(self.columns or ("",)) > 1:
            raise SpecError("times belong to the sentences of one column", field="times")


@component("dataset", "folder")
@attrs.frozen(kw_only=True)
class Folder:
    """Media files and sentences in a CSV: one file for all modalities (`path`), or a column for each; an empty cell is absence."""

    root: str = option(doc="folder that all paths stay inside")
    index: str = option(doc="the CSV, relative to `root`, with a header line")
    clip: Clip = option(doc="the span that is read")
    modalities: Mapping[str, DecoderSpec] = option(doc="{entry: decoder}")
    path: str = option(default="path", doc="column of the file that holds the modalities without a column of their own")
    texts: Mapping[str, TextCells] = option(
        factory=dict,
        doc="{entry: its columns, separator and times}, where a decoder of text reads more than the column of its name",
    )
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
        _, texts = by_source(self.modalities)
        for name in self.texts:
            if name not in texts:
                message = f"no decoder of text reads {name!r}"
                raise SpecError(message, field=f"texts.{name}", hint=suggest(name, texts, noun="entries of text"))

    def columns_of(self, entry: str) -> tuple[str, ...]:
        """The columns of an entry's sentences."""
        return self.cells(entry).columns or (entry,)

    def cells(self, entry: str) -> TextCells:
        return self.texts.get(entry, TextCells())

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

    def takes(self) -> Mapping[str, GivenKind]:
        return takes(self.modalities)

    def sample_of(self, given: Mapping[str, Any]) -> SampleSet:
        from antifaz.data.given import media_sample

        return media_sample(given, self.modalities, self.clip)
