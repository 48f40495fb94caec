"""Residual networks that make one vector of a short piece of video or sound.

Source: He et al. 2016 (bottleneck blocks); the sizes of Lee et al. 2021 and their code (avbert).

| network | stem | blocks | out | parameters |
| --- | --- | --- | --- | --- |
| video_resnet | 5 x 7 x 7, width 64 | 3, 4, 6, 3, a block's first map 1, 1, 3, 3 frames long | 2048 | 31,672,128 |
| audio_resnet | 9 x 1, then 1 x 9, width 32 | 3, 4, 6, 3, the middle map of two stages 3 x 1, then 1 x 3 | 1024 | 5,839,840 |

That sound's middle maps are split so follows from its count. The strides of its stem are *ours*, and that batch statistics count
the samples alone which there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Group, Shape, only
from antifaz.layers.shapes import one_shape
from antifaz.registry import SpecError, component, option, positive

from .sizes import EXPANSION

if TYPE_CHECKING:
    from .resnet import ResNet


@component("head", "video_resnet")
@attrs.frozen(kw_only=True)
class VideoResNet:
    """A residual network over pictures and their order: video (channels, frames, height, width) -> one vector."""

    width: int = option(default=64, validator=positive, doc="of the stem; a vector is 4 * 2^(stages - 1) times as wide")
    blocks: tuple[int, ...] = option(default=(3, 4, 6, 3), validator=positive, doc="of each stage")
    frames: tuple[int, ...] = option(
        default=(5, 1, 1, 3, 3), validator=positive, doc="length of the maps of the stem and of each stage, in pictures; odd"
    )

    def outputs(self, inputs: Group) -> Shape:
        single_array(inputs, 4, "video (channels, frames, height, width)")
        if len(self.frames) != len(self.blocks) + 1:
            raise SpecError(f"{len(self.blocks)} stages and the stem need {len(self.blocks) + 1} lengths", field="frames")
        if not all(length % 2 for length in self.frames):
            raise SpecError(f"lengths must be odd, not {list(self.frames)}", field="frames")
        return Shape((self.width * EXPANSION * 2 ** (len(self.blocks) - 1),))

    def build(self, inputs: Group) -> ResNet:
        from .resnet import video_resnet

        return video_resnet(single_array(inputs, 4, "video").dims[0], self.width, self.blocks, self.frames)


@component("head", "audio_resnet")
@attrs.frozen(kw_only=True)
class AudioResNet:
    """A residual network over a spectrogram (bins, frames) -> one vector."""

    width: int = option(default=32, validator=positive, doc="of the stem; a vector is 4 * 2^(stages - 1) times as wide")
    blocks: tuple[int, ...] = option(default=(3, 4, 6, 3), validator=positive, doc="of each stage")
    split: int = option(default=2, doc="stages, from the first, whose middle maps are 3 x 1 and 1 x 3 one after the other")

    def outputs(self, inputs: Group) -> Shape:
        single_array(inputs, 2, "a spectrogram (bins, frames)")
        if not 0 <= self.split <= len(self.blocks):
            raise SpecError(f"`split` must be between 0 and {len(self.blocks)}, not {self.split}", field="split")
        return Shape((self.width * EXPANSION * 2 ** (len(self.blocks) - 1),))

    def build(self, inputs: Group) -> ResNet:
        from .resnet import audio_resnet

        return audio_resnet(self.width, self.blocks, self.split)


def single_array(inputs: Group, axes: int, what: str) -> Shape:
    """The one thing that arrives; SpecError unless it has so many axes."""
    if len(inputs) != 1:
        raise SpecError(f"this takes one input, not {len(inputs)}: {', '.join(inputs)}", field="in")
    hint = "the pieces of a longer clip are folded away by `batch_axes: 2`" if len(only(inputs).dims) == axes + 1 else None
    return one_shape(inputs, axes, f"the network needs {what}", hint)
