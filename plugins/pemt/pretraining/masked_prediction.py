"""Masked embedding prediction. Source: Lee et al. 2021: InfoNCE with the score exp(FFN(o)^T W x), o the output at a hidden piece.

Axes: B batch, S pieces, R = B * S pieces of this process, G of all processes, O width of outputs, C of embeddings, P of comparison.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core import collectives
from antifaz.core.objectives import Loss, Objective, Term, at_least_float32, masked_sum, no_autocast
from antifaz.core.streams import only
from antifaz.core.tokens import Features
from antifaz.layers.transformer import init_transformer

from .negatives import content_weights, drawn


class MaskedEmbeddingPrediction(Objective):
    """Mean over hidden pieces of -log(exp(score of the answer) / sum over the answer and its negatives).

    The candidates for negatives are all other pieces of the batch in this modality, hidden or not, of all processes. A sample
    counts, also as a candidate, where output, embedding and marks are all there; a hidden piece without any candidate does not. At
    least float32. Negatives are drawn from torch's global generator, in each process its own.

    Args:
        size: O.
        width: C.
        space: P.
        content, negatives, interval, temperature: see the spec.
    """

    def __init__(
        self, size: int, width: int, space: int, *, content: str, negatives: int | None, interval: float, temperature: float
    ) -> None:
        super().__init__()
        self.content, self.negatives, self.interval, self.temperature = content, negatives, interval, temperature
        self.predict = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.Linear(size, space))
        self.embed = nn.Linear(width, space, bias=False)
        self.apply(init_transformer)

    def forward(self, output: Mapping[str, Features], embedding: Mapping[str, Features], hidden: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        outputs, answer, marks = only(output), only(embedding), only(hidden)
        with no_autocast(outputs.values):
            valid_R = (_pieces(outputs) & _pieces(answer) & _pieces(marks)).flatten()
            wanted_R = (_rows(marks.values[..., None], valid_R)[:, 0] > 0.5) & valid_R
            return self._loss(_rows(outputs.values, valid_R), _rows(answer.values, valid_R), valid_R, wanted_R)

    def _loss(self, output_RO: Tensor, embedding_RC: Tensor, valid_R: Tensor, wanted_R: Tensor) -> Loss:
        rows = len(valid_R)
        answer_R = torch.arange(rows, device=valid_R.device) + collectives.rank() * rows
        key_GP, valid_G = collectives.gather(self.embed(embedding_RC)), collectives.gather(valid_R)
        own_RG = answer_R[:, None] == torch.arange(len(valid_G), device=valid_R.device)
        with torch.no_grad():
            negative_RG = self._negatives(embedding_RC.detach(), valid_G[None] & ~own_RG)
        shown_RG, asked_R = own_RG | negative_RG, wanted_R & negative_RG.any(dim=1)
        scores_RG = (self.predict(output_RO) @ key_GP.T / self.temperature).masked_fill(~shown_RG, float("-inf"))
        losses_R = F.cross_entropy(scores_RG, answer_R, reduction="none")
        count = asked_R.sum().to(losses_R.dtype)
        hits_R = (scores_RG.detach().argmax(dim=1) == answer_R).to(losses_R.dtype)
        return Loss({"pieces": Term(masked_sum(losses_R, asked_R), count)}, {"accuracy": Term(masked_sum(hits_R, asked_R), count)})

    def _negatives(self, embedding_RC: Tensor, candidate_RG: Tensor) -> Tensor:
        """(R, G) bool."""
        if self.content == "off":
            return drawn(candidate_RG.to(embedding_RC.dtype), self.negatives)
        distance_RG = torch.cdist(embedding_RC, collectives.gather(embedding_RC))
        return drawn(content_weights(distance_RG, candidate_RG, self.content, self.interval), self.negatives)


def _pieces(value: Features) -> Tensor:
    """(B, S) bool: which pieces there are; presence may be said of samples or of pieces."""
    valid = value.presence()
    return valid if valid.dim() > 1 else valid[:, None].expand(value.values.shape[:2])


def _rows(values_BSC: Tensor, there_R: Tensor) -> Tensor:
    """(R, C) in at least float32, zeros where nothing is: what stands there, NaN too, reaches neither loss nor gradient."""
    rows_RC = at_least_float32(values_BSC).flatten(0, 1)
    return torch.where(there_R[:, None], rows_RC, torch.zeros_like(rows_RC))
