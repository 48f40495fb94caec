"""Names of PEMT's ways to share weights. No torch."""

from __future__ import annotations

from typing import Literal

MULTIMODAL = "multimodal"
"""The Transformer that reads every modality; what it makes of the stream `video` is the stream `multimodal_video`."""

Sharing = Literal["none", "layers", "layers_modalities", "low_rank_modalities", "low_rank"]
