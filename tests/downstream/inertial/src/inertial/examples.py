"""Tiny members of each family, for the conformance kit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from antifaz.core.examples import Example
from antifaz.core.streams import Shape


def write_signals(folder: Path) -> None:
    """Two classes of three random signals."""
    rng = np.random.default_rng(0)
    for name in ("walk", "run"):
        (folder / name).mkdir()
        for i in range(3):
            np.save(folder / name / f"{i}.npy", rng.normal(size=(30, 3)).astype(np.float32))


EXAMPLES = [
    Example(
        "dataset",
        "{use: inertial_dataset, root: $FOLDER, classes: [walk, run], channels: 3, samples: 20}",
        prepare=write_signals,
    ),
    Example("tokenizer", "{use: inertial_tokenizer, patch: 4, width: 8}", {"signal": Shape((3, 12))}),
]
