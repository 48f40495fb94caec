"""Inertial, a data set."""

from pathlib import Path

import numpy as np
import torch
from antifaz.core.interfaces import Sample


class InertialDatasetSamples:
    """files: [(path, class number)]; from `antifaz predict` also an array in place of a path, and None for the class."""

    def __init__(self, spec, files, training):
        self.spec, self.files, self.training, self.shapes = spec, files, training, spec.shapes()

    def __len__(self):
        return len(self.files)

    def load(self, index, seed):
        """One clip as (channels, samples); a file that cannot be read is a sample with nothing in it."""
        source, label = self.files[index]
        try:
            signal = np.asarray(np.load(source, allow_pickle=False) if isinstance(source, Path) else source, np.float32)
            if signal.ndim != 2 or signal.shape[1] != self.spec.channels or len(signal) < self.spec.samples:
                raise ValueError(f"its shape is {list(signal.shape)}")
        except (OSError, ValueError, EOFError) as error:
            return Sample(index, dict.fromkeys(self.shapes), f"{self.identity(index)} is no signal of this data set: {error}")
        spare = len(signal) - self.spec.samples
        start = int(np.random.default_rng(seed).integers(spare + 1)) if self.training else spare // 2
        clip = torch.from_numpy(signal[start : start + self.spec.samples].T.copy())
        return Sample(index, {self.spec.entry: clip, "label": None if label is None else torch.tensor(label)})

    def finish(self, name, stored):
        return stored

    def identity(self, index):
        source, _ = self.files[index]
        return str(source) if isinstance(source, Path) else "the array"

    def counts(self):
        return {"found": len(self.files), "missing": 0, "unreadable": 0}
