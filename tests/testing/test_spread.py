"""The check of objectives over processes: sums add up in one process, gathering is held against two."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.core.discovery import discover
from antifaz.core.examples import Example
from antifaz.core.streams import Shape
from antifaz.testing import conformance
from antifaz.testing.kit import Check

INPUTS = {"left": {"video": Shape((4,))}, "right": {"audio": Shape((4,))}}


@pytest.fixture(scope="module")
def over_processes():
    """The check of an objective of the planted plugin, by its options."""
    faulty = discover([Path(__file__).parents[1] / "support" / "planted_objectives.py"])

    def find(options: str) -> Check:
        listed = conformance([Example("objective", f"{{use: pairs, {options}}}", INPUTS)], plugins=faulty)
        return next(check for check in listed if check.name.endswith("over processes"))

    return find


@pytest.mark.parametrize(
    "options",
    [
        "way: distances",
        "way: gathered_pairs, needs_whole_batch: true",
        "way: documented_pairs, needs_whole_batch: true",
        "way: shaken, draws_randomly: true",
    ],
)
def test_an_objective_that_is_the_same_when_spread_passes(over_processes, options: str) -> None:
    over_processes(options)()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("way: mean_of_means", r"the loss of a batch in 2 shares, unevenly there.*differ(.*\n)*.*return the sum over samples"),
        ("way: sigmoid_pairs", r"the loss of a batch in 2 shares.*differ(.*\n)*.*declares `needs_whole_batch"),
        ("way: gathered_pairs", r"the loss of a batch in 2 shares.*differ(.*\n)*.*declares `needs_whole_batch"),
        ("way: sigmoid_pairs, needs_whole_batch: true", r"the loss of a batch in 2 shares.*differ(.*\n)*.*gather what the loss"),
        ("way: detached_pairs, needs_whole_batch: true", r"the gradient with respect to its inputs(.*\n)*.*with their gradients"),
        ("way: shaken", r"differ(.*\n)*.*declares `draws_randomly = True`"),
        ("way: distances, draws_randomly: true", r"five seeds give one loss"),
    ],
)
def test_one_that_is_not_is_told_what_to_do(over_processes, options: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        over_processes(options)()


def test_what_fails_in_another_process_is_told(over_processes) -> None:
    """And the next check gets new processes."""
    with pytest.raises(AssertionError, match="fails: RuntimeError: the objective itself fails"):
        over_processes("way: brittle, needs_whole_batch: true")()
    over_processes("way: gathered_pairs, needs_whole_batch: true")()
