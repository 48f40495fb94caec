"""Seeds: the same on every machine, and torch's generator afterwards as it was before."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from antifaz.core.seeds import derived_seed, seeded


def test_seeds_are_those_of_every_machine() -> None:
    assert derived_seed(0, "epoch", 3) == 57_006_365_117_445_626
    assert derived_seed("a", 1) == derived_seed("a", "1") != derived_seed("a1")


def test_draws_follow_from_the_seed() -> None:
    with seeded(5):
        first = torch.rand(3)
    with seeded(5):
        assert torch.equal(torch.rand(3), first)
    with seeded(6):
        assert not torch.equal(torch.rand(3), first)


def test_the_generator_goes_on_as_if_nothing_had_been_drawn() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with pytest.raises(RuntimeError), seeded(5):
        torch.rand(100).view(7)
    assert torch.equal(torch.rand(2), expected)


def test_the_generators_of_numpy_and_python_follow_too() -> None:
    def draw() -> list[float]:
        return [float(np.random.rand()), random.random(), float(torch.rand(()))]

    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    draws = []
    for _ in range(2):
        with seeded(2**60 + 1):
            draws.append(draw())
    assert draws[0] == draws[1]
    assert np.random.rand() == expected
