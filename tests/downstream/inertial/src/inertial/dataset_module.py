"""Inertial, a data set."""

import numpy as np
import torch
from antifaz.core.errors import DataError
from antifaz.core.interfaces import Sample


class InertialDatasetSamples:
    def __init__(self, spec, root, training):
        self.spec, self.training, self.shapes = spec, training, spec.shapes()
        self.files = [(path, i) for i, name in enumerate(spec.classes) for path in sorted((root / name).glob("*.npy"))]
        if not self.files:
            raise DataError(f"{root} has no .npy files in the folders {', '.join(spec.classes)}")

    def __len__(self):
        return len(self.files)

    def load(self, index, seed):
        """One clip as (channels, samples); a file that cannot be read is a sample with nothing in it."""
        path, label = self.files[index]
        try:
            signal = np.load(path, allow_pickle=False).astype(np.float32)
            if signal.ndim != 2 or signal.shape[1] != self.spec.channels or len(signal) < self.spec.samples:
                raise ValueError(f"its shape is {list(signal.shape)}")
        except (OSError, ValueError, EOFError) as error:
            return Sample(index, dict.fromkeys(self.shapes), f"{path} is no signal of this data set: {error}")
        spare = len(signal) - self.spec.samples
        start = int(np.random.default_rng(seed).integers(spare + 1)) if self.training else spare // 2
        clip = torch.from_numpy(signal[start : start + self.spec.samples].T.copy())
        return Sample(index, {self.spec.entry: clip, "label": torch.tensor(label)})

    def finish(self, name, stored):
        return stored

    def identity(self, index):
        return str(self.files[index][0])

    def counts(self):
        return {"found": len(self.files), "missing": 0, "unreadable": 0}
