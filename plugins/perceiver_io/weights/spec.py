"""Perceiver checkpoints of transformers, for an `init:`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs

from antifaz.core.errors import WeightsError
from antifaz.registry import component, option

if TYPE_CHECKING:
    from torch import Tensor

Model = Literal[
    "masked_language", "sequence_classification", "image_fourier", "image_learned", "image_conv", "optical_flow", "multimodal"
]

IMAGE = ("latents", "encoder", "query", "decoder")
PARTS: Mapping[str, tuple[str, ...]] = {
    "masked_language": ("text", "latents", "encoder", "query", "decoder", "logits"),
    "sequence_classification": ("text", "latents", "encoder", "query", "decoder"),
    "image_fourier": IMAGE,
    "image_learned": ("image", *IMAGE),
    "image_conv": ("image", *IMAGE),
    "optical_flow": ("pixels", "latents", "encoder", "decoder"),
    "multimodal": (
        "inputs", "latents", "encoder", "label_query", "queries", "decoder", "video_out", "audio_out", "label_out",
    ),
}  # fmt: skip
ARCHITECTURES: Mapping[str, str] = {
    "PerceiverForMaskedLM": "masked_language",
    "PerceiverForSequenceClassification": "sequence_classification",
    "PerceiverForImageClassificationFourier": "image_fourier",
    "PerceiverForImageClassificationLearned": "image_learned",
    "PerceiverForImageClassificationConvProcessing": "image_conv",
    "PerceiverForOpticalFlow": "optical_flow",
    "PerceiverForMultimodalAutoencoding": "multimodal",
}
"""What a checkpoint's config.json calls itself."""
FILES = ("model.safetensors", "pytorch_model.bin")


@component("weights", "transformers_perceiver")
@attrs.frozen(kw_only=True)
class TransformersPerceiver:
    """A Perceiver of transformers; its parts are called like the nodes of the shipped models/perceiver-* graphs."""

    folder: str = option(doc="a checkpoint: model.safetensors or pytorch_model.bin, with its config.json")
    model: Model = option(doc="which of transformers' models it is, and so which parts it has")

    @property
    def parts(self) -> tuple[str, ...]:
        return PARTS[self.model]

    def needed_files(self) -> Mapping[str, str]:
        files = [str(Path(self.folder) / name) for name in FILES]
        return {"folder": next(filter(os.path.isfile, files), files[0])}

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        from antifaz.data.weight_files import read_weights

        from .conversion import translate

        folder = Path(self.folder)
        file = next((folder / name for name in FILES if (folder / name).is_file()), None)
        if file is None:
            raise WeightsError(f"{folder} has neither {' nor '.join(FILES)}", hint="name the folder of a downloaded checkpoint")
        if (folder / "config.json").is_file():
            self._expect(folder / "config.json")
        return translate(read_weights(file))

    def _expect(self, path: Path) -> None:
        """Raise WeightsError for a checkpoint of another model than `model` names."""
        try:
            config: Any = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsError(f"{path} is not JSON: {error}") from None
        named = config.get("architectures") if isinstance(config, dict) else None
        models = [ARCHITECTURES[name] for name in named or () if name in ARCHITECTURES]
        if models and self.model not in models:
            raise WeightsError(f"{path} says that this is {models[0]}, not {self.model}", hint=f"set `model: {models[0]}`")
