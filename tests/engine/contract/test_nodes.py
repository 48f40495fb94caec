"""What a node hands over, in words where it is not what is declared."""

from __future__ import annotations

import pytest
import torch

from antifaz.core.streams import Shape, Stream
from antifaz.core.tokens import Features, Tokens
from antifaz.engine.contract.nodes import value_fault, wrapping_fault

VALUES = torch.zeros(2, 4, 8)
STREAM = Stream("video", 8, (2, 2))


@pytest.mark.parametrize(
    ("value", "declared", "fault"),
    [
        (Tokens(VALUES, (2, 2)), STREAM, None),
        (
            Tokens(VALUES[:, :3], (2, 2), torch.zeros(2, 3, dtype=torch.long)),
            STREAM,
            "with the shape [3, 8], its spec declares [4, 8]",
        ),
        (Tokens(VALUES.half(), (2, 2)), STREAM, "as float16, tokens are float32"),
        (Features(VALUES), Shape((4, 8)), None),
        (Features(VALUES.long()), Shape((4, 8)), "as int64, its spec declares float32"),
        (Features(VALUES.long()), Shape((4, 8), "int64"), None),
        (Tokens(VALUES, (2, 2)), Shape((4, 8)), "as Tokens, its spec declares Features"),
    ],
)
def test_one_output(value: Tokens | Features, declared: Stream | Shape, fault: str | None) -> None:
    assert value_fault(value, declared, 2, shapes=True) == fault


def test_in_training_tokens_may_be_dropped() -> None:
    assert value_fault(Tokens(VALUES[:, :3], (2, 2)), STREAM, 2, shapes=False) is None


def test_what_is_no_value_of_a_graph() -> None:
    assert wrapping_fault({"video": Tokens(VALUES, (2, 2))}) is None
    assert wrapping_fault({1: Features(VALUES)}) == "an output under 1, which is no name"
    assert wrapping_fault({"video": Features(None)}) == "'video' with values that are no tensor: NoneType"  # type: ignore[arg-type]
    assert wrapping_fault(None) == "a NoneType, neither Tokens, Features nor a mapping of names to them"
