"""Retrieval against counting by hand, with ties. Axes: N pairs, W width."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.contrastive import retrieval
from antifaz.plugins.contrastive.retrieval import PairRetrieval, partner_ranks
from antifaz.plugins.contrastive.spec import Retrieval


def measure(query: Tensor, gallery: Tensor, valid: Tensor | None = None, k: tuple[int, ...] = (1, 5, 10)) -> dict[str, float]:
    return PairRetrieval(k)(query={"audio": Features(query)}, gallery={"video": Features(gallery, valid)})


def ranks_by_hand(query: np.ndarray, gallery: np.ndarray) -> list[float]:
    """One query and one candidate at a time; similarities rounded, so that equal ones tie."""

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return round(float(a @ b / (np.sqrt(a @ a) * np.sqrt(b @ b))), 10)

    ranks = []
    for i, each in enumerate(query):
        own = cosine(each, gallery[i])
        others = [cosine(each, gallery[j]) for j in range(len(gallery)) if j != i]
        ranks.append(1 + sum(s > own for s in others) + sum(s == own for s in others) / 2)
    return ranks


@pytest.mark.parametrize("at_once", [1, 40, 2**24])
def test_figures_are_those_counted_by_hand(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(retrieval, "SCORES_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(3)
    query, gallery = torch.randn(2, 23, 4, generator=generator)
    gallery[5:9] = gallery[4]  # the same caption five times
    query[11] = 3 * query[10]  # the same direction
    figures = measure(query, gallery)
    for name, ranks in (
        ("forward", ranks_by_hand(query.double().numpy(), gallery.double().numpy())),
        ("backward", ranks_by_hand(gallery.double().numpy(), query.double().numpy())),
    ):
        for k in (1, 5, 10):
            assert figures[f"{name}_R@{k}"] == pytest.approx(100 * np.mean([rank <= k for rank in ranks]))
        assert figures[f"{name}_median_rank"] == pytest.approx(np.median(ranks))
    assert figures["gallery"] == 23
    assert figures["chance@5"] == pytest.approx(500 / 23)


def test_ties_cost_half_each() -> None:
    same = torch.ones(5, 2, dtype=torch.float64) / 2**0.5
    assert partner_ranks(same, same).tolist() == [3.0] * 5
    figures = measure(torch.ones(5, 2), torch.ones(5, 2), k=(1, 3))
    assert (figures["forward_R@1"], figures["forward_R@3"], figures["forward_median_rank"]) == (0, 100, 3)


def test_only_pairs_that_exist_are_queries_and_candidates() -> None:
    query = torch.eye(4)
    gallery = torch.eye(4)[[0, 1, 3, 2]]
    valid = torch.tensor([True, True, True, False])
    figures = measure(query, gallery, valid, k=(1,))
    assert figures["gallery"] == 3
    assert figures["forward_R@1"] == pytest.approx(200 / 3)
    assert figures["chance@1"] == pytest.approx(100 / 3)


def test_embeddings_that_are_not_numbers_find_nothing() -> None:
    figures = measure(torch.full((3, 2), torch.nan), torch.randn(3, 2), k=(1,))
    assert figures["forward_R@1"] == 0
    assert figures["backward_R@1"] == 0


def test_without_a_pair_there_is_only_the_count() -> None:
    empty = Features(torch.randn(2, 3), torch.tensor([False, False]))
    assert PairRetrieval((1,))(query={"audio": empty}, gallery={"video": empty}) == {"gallery": 0}
    assert PairRetrieval((1,))(query={}, gallery={"video": empty}) == {"gallery": 0}


def test_the_spec_builds_it() -> None:
    vector = Shape((8,))
    metric = Retrieval(k=(2,)).build({"query": {"audio": vector}, "gallery": {"video": vector}})
    figures = metric(query={"audio": Features(torch.eye(8))}, gallery={"video": Features(torch.eye(8))})
    assert figures == {
        "gallery": 8,
        "forward_R@2": 100,
        "forward_median_rank": 1,
        "backward_R@2": 100,
        "backward_median_rank": 1,
        "chance@2": 25,
    }
