"""The linear warm-up that every schedule here begins with."""

from __future__ import annotations


def warming_rate(step: int, warmup: int, peak: float) -> float:
    """Return the learning rate of a step of the warm-up: the last of them has the peak itself."""
    return peak * (step + 1) / warmup


def progress(step: int, steps: int, warmup: int) -> float:
    """Return the share of the steps after the warm-up that are done, from 0 to below 1."""
    return (step - warmup) / max(1, steps - warmup)
