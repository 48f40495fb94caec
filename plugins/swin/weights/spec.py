"""torchvision's Swin checkpoints, for an `init:`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import attrs

from antifaz.registry import SpecError, component, option

if TYPE_CHECKING:
    from torch import Tensor


@component("weights", "torchvision_swin")
@attrs.frozen(kw_only=True)
class TorchvisionSwin:
    """A Swin or Video Swin of torchvision: its `patches`, `encoder` and `head`."""

    parts: ClassVar[tuple[str, ...]] = ("patches", "encoder", "head")
    file: str | None = option(default=None, doc="a state dict, .safetensors or .pth")
    name: str | None = option(default=None, doc="instead of a file, torchvision's name: Swin3D_T_Weights.KINETICS400_V1")

    def __attrs_post_init__(self) -> None:
        if (self.file is None) == (self.name is None):
            raise SpecError("give `file` or `name`, one of the two", field="file")

    def needed_files(self) -> Mapping[str, str]:
        return {} if self.file is None else {"file": self.file}

    def read(self) -> Mapping[str, Mapping[str, Tensor]]:
        from antifaz.data.weight_files import read_published, read_weights

        from .conversion import translate

        return translate(read_weights(Path(self.file)) if self.file is not None else read_published(self.name or ""))
