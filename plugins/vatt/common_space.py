"""VATT's hierarchical common space: video and audio meet in one space, video and text in a coarser one that follows from it.

Source: Akbari et al. 2021, section 3.3 (`paper`), and the released code (`code`); see spec.py for the maps of both.
Axes: B batch, C candidates of a sample, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from antifaz.core.tokens import Features
from antifaz.layers.batch_norm import MaskedBatchNorm
from antifaz.layers.transformer import init_transformer


class NormedLinear(nn.Module):
    """A linear map, then batch norm by presence; no bias, which the norm would take away again.  (B, W) -> (B, W')"""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, out, bias=False)
        self.norm = MaskedBatchNorm(out)

    def forward(self, x_BW: Tensor, valid_B: Tensor) -> Tensor:
        result: Tensor = self.norm(self.linear(x_BW), valid_B)
        return result


class PlainLinear(nn.Linear):
    """A linear map with bias, called like the other.  (B, W) -> (B, W')"""

    def forward(self, x_BW: Tensor, valid_B: Tensor | None = None) -> Tensor:
        return super().forward(x_BW)


class CommonSpaceMaps(nn.Module):
    """{video: (B, W), audio: (B, W), text: (B, [C,] W)} -> their embeddings, not normalised; `video_text` is video's for text.

    Args:
        widths: of the features that there are, by modality; `video` is among them.
        fine: width of the space of video and audio.
        coarse: width of the space of video and text.
        released: the maps of the released code instead of the paper's.
    """

    def __init__(self, widths: Mapping[str, int], fine: int, coarse: int, *, released: bool) -> None:
        super().__init__()
        self.released = released
        alone = PlainLinear if released else NormedLinear
        self.video_hidden = NormedLinear(widths["video"], fine)
        self.video = NormedLinear(fine, fine)
        self.audio = alone(widths["audio"], fine) if "audio" in widths else None
        self.text = alone(widths["text"], coarse) if "text" in widths else None
        self.video_text = NormedLinear(fine, coarse) if "text" in widths else None
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> dict[str, Features]:
        projected: dict[str, Features] = {}
        if "video" in features:
            given = features["video"]
            valid_B = given.presence()
            fine_BW = self.video(torch.relu(self.video_hidden(given.values, valid_B)), valid_B)
            projected["video"] = Features(fine_BW, given.valid)
            if self.video_text is not None:
                entering_BW = torch.relu(fine_BW) if self.released else fine_BW
                projected["video_text"] = Features(self.video_text(entering_BW, valid_B), given.valid)
        if self.audio is not None and "audio" in features:
            projected["audio"] = _each(self.audio, features["audio"])
        if self.text is not None and "text" in features:
            projected["text"] = _each(self.text, features["text"])
        return projected


def _each(module: nn.Module, given: Features) -> Features:
    """A map of every candidate of every sample; presence is that of samples, or of candidates where it is known of them."""
    lead = given.values.shape[:-1]
    valid = given.presence()
    rows = valid.view(*valid.shape, *(1 for _ in lead[valid.dim() :])).expand(lead).flatten()
    return Features(module(given.values.flatten(0, -2), rows).unflatten(0, lead), given.valid)
