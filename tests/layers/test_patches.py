"""Arrays cut into patches."""

from __future__ import annotations

import pytest
import torch

from antifaz.layers.patches import from_points, patches_of, to_points
from antifaz.registry import SpecError


def test_patches_go_there_and_back() -> None:
    patches = patches_of((3, 4, 6), (3, 2, 2))
    raw = torch.arange(2 * 72).reshape(2, 3, 4, 6)
    points = to_points(raw, patches)
    assert (patches.grid, points.shape) == ((2, 3), (2, 6, 12))
    assert points[0, 4].tolist() == raw[0, :, 2:4, 2:4].flatten().tolist()
    assert torch.equal(from_points(points, patches), raw)


@pytest.mark.parametrize(
    ("dims", "patch", "message"),
    [
        ((3, 4), (3,), r"a patch \[3\] has 1 axes, \[3, 4\] has 2"),
        ((3, 4), (2, 2), r"3 of \[3, 4\] cannot be cut into 2"),
        ((3, 4, 6), None, r"\[3, 4, 6\] is not \(index, channels\)"),
    ],
)
def test_cuts_that_do_not_fit_are_refused(dims: tuple[int, ...], patch: tuple[int, ...] | None, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        patches_of(dims, patch, field="here")
    assert caught.value.field == "here"
