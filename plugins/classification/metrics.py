"""Figures of classifiers over a whole evaluation set: each head, ensembles of heads, and the mean of all.

Source: the usual definitions; what ties are worth is *ours* for accuracy. Axes: N samples, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from antifaz.core.interfaces import Details, OutputDetails
from antifaz.core.objectives import zero_invalid
from antifaz.core.streams import only
from antifaz.core.tokens import Features

from .names import MEAN

CLASSES_AT_ONCE = 64
"""Classes whose scores are sorted together."""


def combined(
    logits: Mapping[str, Features], ensembles: Mapping[str, tuple[str, ...]], activation: Callable[[Tensor], Tensor]
) -> dict[str, Features]:
    """The ensembles whose heads are all there, and the mean of all heads if there are several."""
    groups = {**ensembles, MEAN: tuple(logits) if len(logits) > 1 else ()}
    return {
        name: average([logits[head] for head in heads], activation)
        for name, heads in groups.items()
        if heads and all(head in logits for head in heads)
    }


def average(heads: Sequence[Features], activation: Callable[[Tensor], Tensor]) -> Features:
    """The mean of the activations of heads (N, C), for each sample over the heads that it has; valid where it has one."""
    valid_HN = torch.stack([head.presence() for head in heads])
    answers_HNC = torch.stack([activation(head.values.double()) for head in heads])
    total_NC = zero_invalid(answers_HNC.flatten(0, 1), valid_HN.flatten()).view_as(answers_HNC).sum(dim=0)
    return Features(total_NC / valid_HN.sum(dim=0).clamp(min=1)[:, None], valid_HN.any(dim=0))


class HeadAccuracy:
    """Top-k accuracy in percent of each head, each ensemble and the mean of all heads, and `_samples`: on how many.

    A sample counts for a head where the head and the target are valid, for an ensemble where any of its heads is; an ensemble
    averages the heads that a sample has. What has no sample is left out.

    Args:
        top: the k; figures are called `head` for k = 1 and `head@k` for others.
        ensembles: name -> heads.
        activation: (N, C) logits -> what an ensemble averages.
        classes: their names, where known.
    """

    def __init__(
        self,
        top: tuple[int, ...],
        ensembles: Mapping[str, tuple[str, ...]],
        activation: Callable[[Tensor], Tensor],
        classes: tuple[str, ...] = (),
    ) -> None:
        self.top, self.ensembles, self.activation, self.classes = top, ensembles, activation, classes

    def __call__(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> dict[str, float]:
        wanted = only(target)
        figures = {}
        for name, answer in {**logits, **combined(logits, self.ensembles, self.activation)}.items():
            valid_N = answer.presence() & wanted.presence()
            if not valid_N.any():
                continue
            for k in self.top:
                hits_N = top_k_hits(answer.values[valid_N], wanted.values[valid_N], k)
                figures[name if k == 1 else f"{name}@{k}"] = 100 * float(hits_N.mean())
            figures[f"{name}_samples"] = float(valid_N.sum())
        return figures

    def details(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> Details:
        """Confusion matrices and, for each sample, the probability of its class, from the heads and ensembles of the figures."""
        wanted = only(target)
        averages = combined(logits, self.ensembles, self.activation)
        chances = {name: head.values.double().softmax(dim=1) for name, head in logits.items()}
        averaged_chances = isinstance(self.activation, torch.nn.Softmax)
        for name, answer in averages.items():
            chances[name] = answer.values if averaged_chances else answer.values.softmax(dim=1)
        outputs = {}
        for name, answer in {**logits, **averages}.items():
            valid_N = answer.presence() & wanted.presence()
            if valid_N.any():
                outputs[name] = output_details(chances[name], wanted.values, valid_N)
        targets = [t if known else None for t, known in zip(wanted.values.tolist(), wanted.presence().tolist(), strict=True)]
        return Details(outputs=outputs, classes=self.classes, targets=targets, score="probability of the right class")


def output_details(chances_NC: Tensor, target_N: Tensor, valid_N: Tensor) -> OutputDetails:
    """Return one output's score and answer of each sample; the first class wins a tie, and a chance that is not a number none."""
    finite_NC = chances_NC.nan_to_num(0.0)
    target_chance_N = finite_NC.gather(1, torch.where(valid_N, target_N, 0)[:, None])[:, 0]
    is_valid = valid_N.tolist()
    scores = [score if t else None for score, t in zip(target_chance_N.tolist(), is_valid, strict=True)]
    answers = [answer if t else None for answer, t in zip(finite_NC.argmax(dim=1).tolist(), is_valid, strict=True)]
    pairs = Counter((t, a) for t, a in zip(target_N.tolist(), answers, strict=True) if a is not None)
    return OutputDetails(scores=scores, answers=answers, confusion=dict(sorted(pairs.items())))


def top_k_hits(scores_NC: Tensor, target_N: Tensor, k: int) -> Tensor:
    """(N,) float64 in [0, 1]: the chance that the target is among the k best, with ties in random order.

    What is not a number counts as better, so that a broken model scores nothing.
    """
    own_N1 = scores_NC.gather(1, target_N[:, None])
    above_N = (~(scores_NC <= own_N1)).sum(dim=1)
    ties_N = (scores_NC == own_N1).sum(dim=1).clamp(min=1)
    return ((k - above_N).double() / ties_N).clamp(0, 1)


class HeadAveragePrecision:
    """Macro mean average precision in percent of each head, each ensemble and the mean of all heads.

    `_samples` and `_skipped_classes` say on how many samples, and how many classes have no positive among them and are left out.
    What has no positive at all is left out itself.

    Args:
        ensembles: name -> heads.
        activation: (N, C) logits -> what an ensemble averages.
    """

    def __init__(self, ensembles: Mapping[str, tuple[str, ...]], activation: Callable[[Tensor], Tensor]) -> None:
        self.ensembles, self.activation = ensembles, activation

    def __call__(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> dict[str, float]:
        wanted = only(target)
        figures = {}
        for name, answer in {**logits, **combined(logits, self.ensembles, self.activation)}.items():
            valid_N = answer.presence() & wanted.presence()
            positive_NC = wanted.values[valid_N] > 0.5
            if not positive_NC.any():
                continue
            precision_C = average_precision(answer.values[valid_N], positive_NC)
            figures[name] = 100 * float(precision_C.nanmean())
            figures[f"{name}_skipped_classes"] = float(precision_C.isnan().sum())
            figures[f"{name}_samples"] = float(valid_N.sum())
        return figures


def average_precision(scores_NC: Tensor, positive_NC: Tensor) -> Tensor:
    """(C,) float64 area under each class's precision-recall steps; NaN for a class without positives.

    Samples of one score are found together; a score that is not a number is the lowest.
    """
    parts = zip(torch.split(scores_NC, CLASSES_AT_ONCE, dim=1), torch.split(positive_NC, CLASSES_AT_ONCE, dim=1), strict=True)
    return torch.cat([_average_precision(scores, positive) for scores, positive in parts])


def _average_precision(scores_NC: Tensor, positive_NC: Tensor) -> Tensor:
    worst_last_NC = torch.where(scores_NC.isnan(), -torch.inf, scores_NC)
    sorted_NC, order_NC = worst_last_NC.sort(dim=0, descending=True)
    hits_NC = positive_NC.gather(0, order_NC).double()
    samples = len(hits_NC)
    place_N1 = torch.arange(samples, device=hits_NC.device)[:, None]
    precision_NC = hits_NC.cumsum(dim=0) / (place_N1 + 1)
    last_NC = torch.ones_like(hits_NC, dtype=torch.bool)
    last_NC[:-1] = sorted_NC[:-1] != sorted_NC[1:]
    # Each sample takes the precision at the end of its run of ties: the nearest end at or after its own place.
    ends_NC = torch.where(last_NC, place_N1, samples).flip(0).cummin(dim=0).values.flip(0)
    return (precision_NC.gather(0, ends_NC) * hits_NC).sum(dim=0) / positive_NC.sum(dim=0)
