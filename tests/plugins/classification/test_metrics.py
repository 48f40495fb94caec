"""Accuracy and mean average precision against counting by hand, with ties. Axes: N samples, C classes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.plugins.classification import metrics
from antifaz.plugins.classification.metrics import average_precision, top_k_hits
from antifaz.plugins.classification.spec import Accuracy, MeanAveragePrecision
from antifaz.registry import SpecError

CLASSES = 4
HEADS = ("audio", "video", "fusion")
NUMBERS = {"label": Shape((), "int64")}


def accuracy(logits: dict[str, Features], target: Tensor, valid: Tensor | None = None, **options: object) -> dict[str, float]:
    metric = Accuracy(**options).build({"logits": {name: Shape((CLASSES,)) for name in HEADS}, "target": NUMBERS})
    return metric(logits=logits, target={"label": Features(target, valid)})


def logits_for(classes: list[int], valid: list[bool] | None = None, sure: float = 5.0) -> Features:
    return Features(sure * torch.eye(CLASSES)[classes], None if valid is None else torch.tensor(valid))


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_hit_is_the_chance_to_be_among_the_best(k: int) -> None:
    scores = torch.randint(3, (40, CLASSES), generator=torch.Generator().manual_seed(k)).float()
    target = torch.arange(40) % CLASSES
    orders = list(itertools.permutations(range(CLASSES)))
    expected = [
        sum(label in sorted(order, key=lambda c: -row[c])[:k] for order in orders) / len(orders)
        for row, label in zip(scores.tolist(), target.tolist(), strict=True)
    ]
    assert top_k_hits(scores, target, k).tolist() == pytest.approx(expected)


def test_answers_that_are_not_numbers_are_wrong() -> None:
    scores = torch.tensor([[math.nan] * 4, [0.0, math.nan, 0.0, 0.0], [math.nan, 1.0, 0.0, 0.0]])
    assert top_k_hits(scores, torch.tensor([0, 1, 1]), 1).tolist() == [0, 0, 0]


def test_each_head_counts_the_samples_that_it_has() -> None:
    target, valid = torch.tensor([0, 1, 2, 3]), torch.tensor([True, True, True, False])
    figures = accuracy(
        {"audio": logits_for([0, 1, 0, 3], [True, False, True, True]), "video": logits_for([0, 1, 0, 3])}, target, valid
    )
    assert figures["audio"] == pytest.approx(50)
    assert figures["audio_samples"] == 2
    assert figures["video"] == pytest.approx(200 / 3)
    assert figures["video_samples"] == 3
    assert figures["mean_samples"] == 3
    assert "fusion" not in figures


def test_ensembles_average_the_heads_that_a_sample_has() -> None:
    target = torch.tensor([0, 1, 2])
    logits = {
        "audio": logits_for([0, 0, 2], [True, True, False], sure=1.0),
        "video": logits_for([1, 1, 2], [True, True, True], sure=3.0),
        "fusion": logits_for([0, 0, 0], sure=9.0),
    }
    figures = accuracy(logits, target, ensembles={"late": ("audio", "video")})
    assert figures["late"] == pytest.approx(200 / 3)  # the surer head decides; the third sample has one head only
    assert figures["mean"] == pytest.approx(100 / 3)


def test_a_head_that_is_off_the_scale_outweighs_the_others_only_where_logits_are_averaged() -> None:
    logits = {"audio": logits_for([0], sure=4.0), "video": logits_for([0], sure=4.0), "fusion": logits_for([1], sure=50.0)}
    assert accuracy(logits, torch.tensor([0]), average="probabilities")["mean"] == 100
    assert accuracy(logits, torch.tensor([0]), average="logits")["mean"] == 0


def test_what_cannot_be_answered_is_left_out() -> None:
    target = torch.tensor([0, 1])
    figures = accuracy({"audio": logits_for([0, 1])}, target, ensembles={"late": ("audio", "video")})
    assert figures == {"audio": 100, "audio_samples": 2}
    assert accuracy({"audio": logits_for([0, 1], [False, False])}, target) == {}


def test_several_k() -> None:
    scores = torch.tensor([[3.0, 2.0, 1.0, 0.0]] * 4)
    figures = accuracy({"audio": Features(scores)}, torch.tensor([0, 1, 2, 3]), top=(1, 3))
    assert figures == {"audio": 25, "audio@3": 75, "audio_samples": 4}


@pytest.mark.parametrize(
    ("options", "target", "message", "field"),
    [
        ({"top": (5,)}, NUMBERS, "there are 4 classes", "top"),
        ({"ensembles": {"late": ("audio", "vidio")}}, NUMBERS, "unknown head 'vidio'", "ensembles.late"),
        ({"ensembles": {"late": ()}}, NUMBERS, "no head is named", "ensembles.late"),
        ({"ensembles": {"mean": ("audio",)}}, NUMBERS, "the mean of all heads", "ensembles.mean"),
        ({"ensembles": {"audio": ("audio",)}}, NUMBERS, "that is a head", "ensembles.audio"),
        ({}, {"label": Shape((CLASSES,))}, "accuracy needs class numbers", None),
    ],
)
def test_what_does_not_fit_is_refused(options: object, target: object, message: str, field: str | None) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        Accuracy(**options).build({"logits": {name: Shape((CLASSES,)) for name in HEADS}, "target": target})
    assert caught.value.field == field


def precision_by_hand(scores: np.ndarray, positive: np.ndarray) -> float:
    """Over thresholds from high to low: precision there, weighted by the recall that it adds."""
    area, found = 0.0, 0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        chosen = scores >= threshold
        hits = int(positive[chosen].sum())
        area += (hits - found) / positive.sum() * hits / chosen.sum()
        found = hits
    return area


@pytest.mark.parametrize("at_once", [2, 64])
def test_average_precision_is_that_counted_by_hand(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(metrics, "CLASSES_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(5)
    scores = torch.randint(6, (30, 5), generator=generator).float()
    positive = torch.rand(30, 5, generator=generator) < 0.3
    expected = [precision_by_hand(scores[:, c].numpy(), positive[:, c].numpy()) for c in range(5)]
    assert average_precision(scores, positive).tolist() == pytest.approx(expected)


def test_scores_that_are_not_numbers_come_last() -> None:
    scores = torch.tensor([[math.nan], [0.5], [0.1]])
    assert average_precision(scores, torch.tensor([[True], [False], [False]])).tolist() == pytest.approx([1 / 3])


def test_classes_without_positives_are_left_out_and_counted() -> None:
    metric = MeanAveragePrecision(ensembles={"late": ("audio", "video")}).build(
        {"logits": {name: Shape((3,)) for name in HEADS}, "target": {"tags": Shape((3,))}}
    )
    target = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])
    valid = torch.tensor([True, True, True, False])
    audio = torch.tensor([[0.9, 0.1, 0], [0.8, 0.9, 0], [0.7, 0.2, 0], [9, 9, 9]])
    figures = metric(
        logits={"audio": Features(audio), "video": Features(audio), "fusion": Features(audio, torch.zeros(4, dtype=torch.bool))},
        target={"tags": Features(target, valid)},
    )
    assert figures["audio"] == pytest.approx(100 * ((1 + 2 / 3) / 2 + 1) / 2)
    assert figures["audio_skipped_classes"] == 1
    assert figures["audio_samples"] == 3
    assert figures["late"] == figures["mean"] == figures["audio"]
    assert "fusion" not in figures


def test_without_a_positive_there_is_no_figure() -> None:
    metric = MeanAveragePrecision().build({"logits": {"audio": Shape((2,))}, "target": {"tags": Shape((2,))}})
    assert metric(logits={"audio": Features(torch.randn(3, 2))}, target={"tags": Features(torch.zeros(3, 2))}) == {}


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_details_say_how_sure_each_output_is_of_the_right_class(average: str) -> None:
    names = ("a", "b", "c", "d")
    target = {"label": Shape((), "int64", names)}
    metric = Accuracy(average=average).build({"logits": {name: Shape((CLASSES,)) for name in HEADS}, "target": target})
    one = Features(torch.log(torch.tensor([[0.5, 0.25, 0.125, 0.125]] * 3)))
    other = Features(torch.log(torch.tensor([[0.125, 0.625, 0.125, 0.125]] * 3)), torch.tensor([True, False, True]))
    wanted = Features(torch.tensor([0, 1, 0]), torch.tensor([True, True, False]))
    details = metric.details(logits={"audio": one, "video": other}, target={"label": wanted})
    assert (details.classes, details.targets) == (names, [0, 1, None])
    audio, video, mean = (details.outputs[name] for name in ("audio", "video", "mean"))
    assert audio.scores == [pytest.approx(0.5), pytest.approx(0.25), None]
    assert audio.answers == [0, 0, None]
    assert audio.confusion == {(0, 0): 1, (1, 0): 1}
    assert video.scores == [pytest.approx(0.125), None, None]
    assert video.confusion == {(0, 1): 1}
    roots = [math.sqrt(a * b) for a, b in ((0.5, 0.125), (0.25, 0.625), (0.125, 0.125), (0.125, 0.125))]
    both = (0.5 + 0.125) / 2 if average == "probabilities" else roots[0] / sum(roots)
    assert mean.scores == [pytest.approx(both), pytest.approx(0.25), None]
    plain = details.json()["outputs"]["audio"]
    assert plain["confusion"] == [[0, 0, 1], [1, 0, 1]]


def test_details_of_answers_that_are_not_numbers_are_worth_nothing() -> None:
    metric = Accuracy().build({"logits": {"audio": Shape((CLASSES,))}, "target": NUMBERS})
    broken = Features(torch.tensor([[math.nan] * 4, [0.0, 0.0, 0.0, 9.0]]))
    details = metric.details(logits={"audio": broken}, target={"label": Features(torch.tensor([1, 3]))})
    assert details.outputs["audio"].scores == [0.0, pytest.approx(1 / (1 + 3 * math.exp(-9)))]
    assert metric.details(logits={}, target={"label": Features(torch.tensor([1]))}).outputs == {}
