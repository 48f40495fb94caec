"""Figures of classifiers over a whole evaluation set. Axes: N samples, C classes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from antifaz.core.objectives import only
from antifaz.core.tokens import Features

MEAN = "mean"
"""The name of the average of all heads."""


class HeadAccuracy:
    """Top-k accuracy in percent of each head, each ensemble and the mean of all heads.

    A sample counts for a head where the head and the target are valid, for an ensemble where any of its heads is; an ensemble
    averages the heads that a sample has.
    """

    def __init__(self, top: int, ensembles: Mapping[str, tuple[str, ...]], average: str) -> None:
        self.top, self.ensembles, self.average = top, ensembles, average

    def __call__(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> dict[str, float]:
        wanted = only(target)
        figures = {}
        for name, answer in {**logits, **self._combined(logits)}.items():
            valid = answer.presence() & wanted.presence()
            if not valid.any():
                continue
            best_NK = answer.values[valid].topk(self.top, dim=1).indices
            hits = (best_NK == wanted.values[valid][:, None]).any(dim=1)
            figures[name] = 100 * float(hits.double().mean())
            figures[f"{name}_samples"] = float(valid.sum())
        return figures

    def _combined(self, logits: Mapping[str, Features]) -> dict[str, Features]:
        groups = {**self.ensembles, MEAN: tuple(logits)}
        present = {name: [logits[h] for h in heads if h in logits] for name, heads in groups.items()}
        return {
            name: average(members, softmax=self.average == "probabilities")
            for name, members in present.items()
            if len(members) == len(groups[name]) and len(members) > 1
        }


def average(heads: list[Features], *, softmax: bool) -> Features:
    """The mean of heads (N, C) over those that are valid for each sample."""
    total = torch.zeros_like(heads[0].values)
    count = torch.zeros(len(total), 1)
    for head in heads:
        valid_N1 = head.presence()[:, None]
        total += torch.where(valid_N1, head.values.softmax(dim=1) if softmax else head.values, 0.0)
        count += valid_N1
    return Features(total / count.clamp(min=1), count.squeeze(1) > 0)


class HeadAveragePrecision:
    """Macro mean average precision in percent of each head; `skipped_classes` have no positive sample."""

    def __call__(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> dict[str, float]:
        wanted = only(target)
        answers = dict(logits)
        if len(answers) > 1:
            answers[MEAN] = average(list(logits.values()), softmax=False)
        figures = {}
        for name, answer in answers.items():
            valid = answer.presence() & wanted.presence()
            if not valid.any():
                continue
            precision_C = average_precision(answer.values[valid], wanted.values[valid] > 0.5)
            figures[name] = 100 * float(precision_C.nanmean())
            figures[f"{name}_skipped_classes"] = float(precision_C.isnan().sum())
        return figures


def average_precision(scores_NC: Tensor, positive_NC: Tensor) -> Tensor:
    """(C,) area under each class's precision-recall steps; NaN for a class without positives. Ties count as one threshold."""
    sorted_NC, order_NC = scores_NC.sort(dim=0, descending=True, stable=True)
    hits_NC = positive_NC.gather(0, order_NC).double()
    found_NC = hits_NC.cumsum(dim=0)
    precision_NC = found_NC / torch.arange(1, len(hits_NC) + 1)[:, None]
    last_NC = torch.ones_like(hits_NC, dtype=torch.bool)
    last_NC[:-1] = sorted_NC[:-1] != sorted_NC[1:]
    # Samples with one score are found together: each takes the precision at the end of its run of ties.
    positions = torch.arange(len(hits_NC))[:, None].expand_as(hits_NC)
    ends = torch.where(last_NC, positions, len(hits_NC)).flip(0).cummin(dim=0).values.flip(0)
    return (precision_NC.gather(0, ends) * hits_NC).sum(dim=0) / positive_NC.sum(dim=0)
