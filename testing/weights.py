"""Checks of formats of foreign weights: `prepare` writes a small checkpoint in the format."""

from __future__ import annotations

import torch

from .case import Case


def parts_are_declared(case: Case) -> None:
    """A checkpoint is its declared parts, none of them empty, and every name in it is known."""
    read = case.spec.read()
    unknown = list(read.get("", {}))
    assert not unknown, f"names without a part: {', '.join(unknown)}"
    filled = {part for part, weights in read.items() if weights}
    assert filled == set(case.spec.parts), f"it declares {', '.join(case.spec.parts)} and has {', '.join(sorted(filled))}"


def tensors_are_whole(case: Case) -> None:
    """Every value is a finite tensor, and reading twice gives the same."""
    first, second = case.spec.read(), case.spec.read()
    for part, weights in first.items():
        for name, value in weights.items():
            assert value.isfinite().all(), f"{part}: {name} is not finite"
            assert torch.equal(value, second[part][name]), f"{part}: {name} differs when read again"
