"""Tokens and features: presence by sample and by token, and pytree nodes that torch sees through."""

from __future__ import annotations

import torch
from torch.utils import _pytree as pytree

from antifaz.core.tokens import Features, Tokens, per_sample, token_presence


def test_presence_is_there_also_where_nothing_is_marked() -> None:
    assert Features(torch.zeros(3, 2)).presence().tolist() == [True, True, True]
    assert Features(torch.zeros(2), torch.tensor([True, False])).presence().tolist() == [True, False]


def test_a_sample_is_there_if_any_of_its_parts_is() -> None:
    valid = torch.tensor([[[True, False], [False, False]], [[False, False], [False, False]]])
    assert per_sample(valid).tolist() == [True, False]
    assert Features(torch.zeros(2, 2, 2), valid).in_samples().tolist() == [True, False]
    one = torch.tensor([True, False])
    assert per_sample(one) is one


def test_tokens_are_there_with_their_sample() -> None:
    assert token_presence(None, 3) is None
    spread = token_presence(torch.tensor([True, False]), 3)
    assert spread is not None
    assert spread.tolist() == [[True] * 3, [False] * 3]


def test_other_vectors_keep_their_places() -> None:
    tokens = Tokens(torch.zeros(1, 2, 4), (2, 2), torch.tensor([[0, 3]]), torch.tensor([[True, False]]))
    changed = tokens.with_values(torch.ones(1, 2, 8))
    assert changed.values.shape == (1, 2, 8)
    assert (changed.grid, changed.index, changed.valid) == (tokens.grid, tokens.index, tokens.valid)


def test_torch_sees_through_both() -> None:
    tokens = Tokens(torch.zeros(1, 2, 4), (2,), valid=torch.tensor([[True, False]]))
    doubled = pytree.tree_map(lambda leaf: leaf if leaf is None else leaf + 1, {"t": tokens, "f": Features(torch.zeros(3))})
    assert isinstance(doubled["t"], Tokens)
    assert doubled["t"].grid == (2,)
    assert doubled["t"].index is None
    assert doubled["t"].values.unique().tolist() == [1.0]
    assert isinstance(doubled["f"], Features)
    assert doubled["f"].values.tolist() == [1.0, 1.0, 1.0]


def test_a_change_of_axes_reaches_every_tensor() -> None:
    tokens = Tokens(torch.zeros(2, 3, 4, 5), (2, 2), torch.zeros(2, 3, 4, dtype=torch.long), None)
    folded = tokens.map(lambda t: t.flatten(0, 1))
    assert folded.values.shape == (6, 4, 5)
    assert folded.index is not None
    assert folded.index.shape == (6, 4)
    assert folded.valid is None
    assert folded.grid == (2, 2)
