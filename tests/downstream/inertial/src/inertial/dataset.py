"""Inertial, a data set: where it lies and what a sample holds. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
from antifaz.core.errors import DataError
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

        files = [(path, i) for i, name in enumerate(self.classes) for path in sorted(Path(self.root, name).glob("*.npy"))]
        if not files:
            raise DataError(f"{self.root} has no .npy files in the folders {', '.join(self.classes)}")
        return InertialDatasetSamples(self, files, training)

    def peek(self):
        return self.build(False) if Path(self.root).is_dir() else None

    def takes(self):
        """For `antifaz predict`: a sample is made of one file."""
        return {self.entry: "file"}

    def sample_of(self, given):
        """The sample of `antifaz predict FILE`, or of an array (samples, channels) from Python; it has no label."""
        from .dataset_module import InertialDatasetSamples

        return InertialDatasetSamples(self, [(given[self.entry], None)], training=False)
