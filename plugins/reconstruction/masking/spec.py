"""Masked auto-encoding: blocks of the input are blanked in training, and the model is to say what stood there.

Source: Carreira et al. 2022 train HiP by masked auto-encoding; what is masked together, how much of it and the loss are not public,
so all of it here is *ours*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Group, Shape
from antifaz.layers.patches import Patches, patches_of
from antifaz.registry import SpecError, between, component, option, suggest

from ..spec import float_array, one_array, one_shape

if TYPE_CHECKING:
    from .model import MaskBlocks, MaskedErrorLoss


@component("batch_transform", "mask_points")
@attrs.frozen(kw_only=True)
class MaskPoints:
    """Blanks random blocks of entries; NAME_target keeps what was there and NAME_mask says where it is gone."""

    blocks: Mapping[str, tuple[int, ...]] = option(doc="{entry: size of what is masked together, along each axis}")
    ratio: float = option(default=0.75, validator=between(0, 1), doc="share of the blocks that is masked (ours)")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        added: dict[str, Shape] = {}
        for name, patches in self._patches(shapes).items():
            added |= {f"{name}_target": shapes[name], f"{name}_mask": Shape(patches.dims, "bool")}
        taken = [name for name in added if name in shapes]
        if taken:
            raise SpecError(f"the data have an entry {taken[0]!r} already", field="blocks")
        return {**shapes, **added}

    def build(self, shapes: Mapping[str, Shape]) -> MaskBlocks:
        from .model import MaskBlocks

        return MaskBlocks(self._patches(shapes), self.ratio)

    def _patches(self, shapes: Mapping[str, Shape]) -> dict[str, Patches]:
        patches_by_entry = {}
        for name, block in self.blocks.items():
            if name not in shapes:
                raise SpecError(f"there is no entry {name!r}", field="blocks", hint=suggest(name, list(shapes), noun="entries"))
            if not all(size > 0 for size in block):
                raise SpecError(f"the sizes of a block must be above 0, not {list(block)}", field=f"blocks.{name}")
            if not shapes[name].dtype.startswith("float"):
                raise SpecError(f"{name!r} holds {shapes[name].dtype}; only floats can be blanked", field=f"blocks.{name}")
            patches = patches_of(shapes[name].dims, block, field=f"blocks.{name}")
            masked = round(self.ratio * patches.count)
            if not 0 < masked < patches.count:
                raise SpecError(
                    f"of {patches.count} blocks {masked} would be masked", field=f"blocks.{name}", hint="use smaller blocks"
                )
            patches_by_entry[name] = patches
        return patches_by_entry


@component("objective", "masked_error", arguments=("prediction", "target", "mask"))
@attrs.frozen(kw_only=True)
class MaskedError:
    """Mean squared error where the mask says that the input was blanked."""

    def validate(self, inputs: Mapping[str, Group]) -> None:
        mask = one_array(inputs, "mask")
        if mask.dtype != "bool":
            raise SpecError(f"`mask` is {mask.dtype}; it is bool, true where the input was blanked")
        one_shape({"prediction": float_array(inputs, "prediction"), "target": float_array(inputs, "target"), "mask": mask})

    def build(self, inputs: Mapping[str, Group]) -> MaskedErrorLoss:
        from .model import MaskedErrorLoss

        self.validate(inputs)
        return MaskedErrorLoss()
