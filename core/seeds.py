"""Seeds derived from names, and the global generators of torch, numpy and Python under a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derived_seed(*parts: int | str) -> int:
    """A seed from named parts, the same on every machine."""
    return int.from_bytes(hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=7).digest(), "big")


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draws from the global generators of torch (on the CPU), numpy and Python follow from the seed, and go on as before after it.

    Not `torch.manual_seed`: that would seed the accelerators' generators too, and with them the dropout of the model.
    """
    generator = torch.default_generator
    before = generator.get_state(), np.random.get_state(), random.getstate()
    generator.manual_seed(seed)
    np.random.seed(seed % 2**32), random.seed(seed)
    try:
        yield
    finally:
        generator.set_state(before[0])
        np.random.set_state(before[1]), random.setstate(before[2])
