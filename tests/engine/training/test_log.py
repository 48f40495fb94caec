"""The book-keeping of a stage."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from antifaz.core.errors import DivergedError
from antifaz.core.tokens import Features
from antifaz.data.batches import Batch
from antifaz.data.samples import MediaSamples
from antifaz.engine.run import run_experiment
from antifaz.engine.training.log import not_finite, require_finite


def test_figures_that_are_not_finite_are_refused_with_all_of_them() -> None:
    figures = {"loss": torch.tensor(math.nan), "gradient_norm": torch.tensor(2.0)}
    with pytest.raises(DivergedError, match=r"stage 'train' are no longer finite at step 3: loss nan, gradient_norm 2;"):
        require_finite(SimpleNamespace(stage="train", step=3, figures=figures))  # type: ignore[arg-type]
    require_finite(SimpleNamespace(stage="train", step=3, figures={"loss": torch.tensor(1.0)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("number", "word"), [(math.nan, "NaN"), (-math.inf, "infinity")])
def test_an_entry_that_is_present_and_not_finite_is_named_with_its_sample(number: float, word: str) -> None:
    samples = SimpleNamespace(shapes={}, identity=lambda index: f"clip {index}")
    values = torch.zeros(3, 2, 2)
    values[1:, 0, 1] = number
    valid = torch.tensor([True, False, True])
    label = Features(torch.tensor([0, 1, 2]))
    batch = Batch({"label": label, "motion": Features(values, valid)}, [4, 7, 5])
    assert not_finite(batch, samples) == f"'motion' of 'clip 5' holds {word}"  # type: ignore[arg-type]
    absent = Batch({"motion": Features(values[:2], valid[:2]), "several": Features(values, valid[:, None].expand(3, 2))}, [4, 7, 5])
    assert not_finite(absent, samples) == f"'several' of 'clip 5' holds {word}"  # type: ignore[arg-type]
    assert not_finite(Batch({"motion": Features(values[:2], valid[:2])}, [4, 7]), samples) is None  # type: ignore[arg-type]


def test_training_on_data_that_are_not_finite_names_them(tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = MediaSamples.finish

    def poisoned(self: MediaSamples, name: str, stored: torch.Tensor) -> object:
        finished = finish(self, name, stored)
        return finished * math.nan if name == "audio" else finished

    monkeypatch.setattr(MediaSamples, "finish", poisoned)
    with pytest.raises(DivergedError, match=r"at step 1: .*; 'audio' of '.*\.mp4' holds NaN in data\.paired\n +mend the data"):
        run_experiment(tiny(), tmp_path / "r", device="cpu", quiet=True)
