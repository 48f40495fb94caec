"""Inertial, a data set: where it lies and what a sample holds. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
from antifaz.core.streams import Shape
from antifaz.registry import component, option, positive


@component("dataset", "inertial_dataset")
@attrs.frozen(kw_only=True)
class InertialDataset:
    """Signals (samples, channels) in .npy files, `root/CLASS/NAME.npy`; read from their middle, in training from anywhere."""

    root: str = option(doc="folder of the files")
    classes: tuple[str, ...] = option(doc="class names: the sub-folders of `root`")
    channels: int = option(validator=positive, doc="of a signal")
    samples: int = option(validator=positive, doc="of a clip")
    entry: str = option(default="motion", doc="name of the signal's entry: `batch.motion`")

    def shapes(self) -> Mapping[str, Shape]:
        return {self.entry: Shape((self.channels, self.samples)), "label": Shape((), "int64", self.classes)}

    def build(self, training: bool):
        from .dataset_module import InertialDatasetSamples

        return InertialDatasetSamples(self, Path(self.root), training)

    def peek(self):
        return self.build(False) if Path(self.root).is_dir() else None
