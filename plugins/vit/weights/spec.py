"""Checkpoints of other libraries' vision transformers, for an `init:`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from antifaz.registry import SpecError, component, option

if TYPE_CHECKING:
    from torch import Tensor

PARTS = ("patches", "class_token", "encoder", "head")


@component("weights", "torchvision_vit")
@attrs.frozen(kw_only=True)
class TorchvisionViT:
    """A vision transformer of torchvision: its `patches`, `class_token`, `encoder` and `head`."""

    parts: ClassVar[tuple[str, ...]] = PARTS
    file: str | None = option(default=None, doc="a state dict, .safetensors or .pth")
    name: str | None = option(default=None, doc="instead of a file, torchvision's name: ViT_B_16_Weights.IMAGENET1K_V1")

    def __attrs_post_init__(self) -> None:
        if (self.file is None) == (self.name is None):
            raise SpecError("give `file` or `name`, one of the two", field="file")

    def needed_files(self) -> Mapping[str, str]:
        return {} if self.file is None else {"file": self.file}

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        from antifaz.data.weight_files import read_published, read_weights

        from .conversion import from_torchvision

        return from_torchvision(read_weights(Path(self.file)) if self.file is not None else read_published(self.name or ""))


@component("weights", "timm_vit")
@attrs.frozen(kw_only=True)
class TimmViT:
    """A vision transformer of timm with a class token: its `patches`, `class_token`, `encoder` and `head`."""

    parts: ClassVar[tuple[str, ...]] = PARTS
    file: str = option(doc="a state dict, .safetensors or .pth")

    def needed_files(self) -> Mapping[str, str]:
        return {"file": self.file}

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        from antifaz.data.weight_files import read_weights

        from .conversion import from_timm

        return from_timm(read_weights(Path(self.file)))
