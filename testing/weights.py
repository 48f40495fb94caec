"""Checks of formats of foreign weights: `prepare` writes a small checkpoint in the format."""

from __future__ import annotations

import torch

from .case import Case, require


def parts_are_declared(case: Case) -> None:
    """A checkpoint is its declared parts, none of them empty, and every name in it is known."""
    read = case.spec.read()
    unknown = list(read.get("", {}))
    wrong = f"names of the checkpoint belong to no part: {', '.join(unknown)}"
    require(not unknown, wrong, "translate each of them in `read`, or leave it out there by name")
    filled = {part for part, weights in read.items() if weights}
    wrong = f"it declares the parts {', '.join(case.spec.parts)} and has weights for {', '.join(sorted(filled))}"
    require(filled == set(case.spec.parts), wrong, "let `parts` name what `read` returns")


def tensors_are_whole(case: Case) -> None:
    """Every value is a finite tensor, and reading twice gives the same."""
    first, second = case.spec.read(), case.spec.read()
    for part, weights in first.items():
        for name, value in weights.items():
            require(value.isfinite().all(), f"{part}: {name} is not finite", "repair the checkpoint, or what `read` makes of it")
            wrong = f"{part}: {name} differs when read again"
            require(torch.equal(value, second[part][name]), wrong, "draw nothing in `read`, and change no tensor in place")
