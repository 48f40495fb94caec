"""The book-keeping of a stage."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from antifaz.core.errors import DivergedError
from antifaz.engine.training.log import require_finite


def test_figures_that_are_not_finite_are_refused_with_all_of_them() -> None:
    figures = {"loss": torch.tensor(math.nan), "gradient_norm": torch.tensor(2.0)}
    with pytest.raises(DivergedError, match=r"stage 'train' are no longer finite at step 3: loss nan, gradient_norm 2;"):
        require_finite(SimpleNamespace(stage="train", step=3, figures=figures))  # type: ignore[arg-type]
    require_finite(SimpleNamespace(stage="train", step=3, figures={"loss": torch.tensor(1.0)}))  # type: ignore[arg-type]
