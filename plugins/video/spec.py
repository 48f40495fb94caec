"""Video: decoded by time, augmented by torchvision, cut into tubelets (Arnab et al. 2021, "ViViT")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from antifaz.core.interfaces import TransformSpec
from antifaz.core.streams import Group, Positions, Shape, Stream, only
from antifaz.layers.shapes import one_shape
from antifaz.registry import SpecError, at_least, between, component, option, positive

if TYPE_CHECKING:
    from .decoder import FrameDecoder
    from .tokenizer import TubeletTokenizer


@component("decoder", "frames")
@attrs.frozen(kw_only=True)
class Frames:
    """Pictures at a fixed rate, by time stamps: float (3, T, size, size) in [-1, 1]."""

    fps: float = option(validator=positive, doc="pictures a second")
    size: int = option(validator=positive, doc="side of the square that the model sees, in pixels")
    resize: int | None = option(
        default=None, validator=positive, doc="side of the stored square that crops are taken from; default `size`"
    )
    augment: tuple[TransformSpec, ...] = option(default=(), doc="transforms in training, in order")
    crops: int = option(
        default=1,
        validator=positive,
        doc="squares in evaluation, evenly spread along the longer side of a picture; 1 is the centre",
    )

    def __attrs_post_init__(self) -> None:
        for i, transform in enumerate(self.augment):
            if getattr(transform, "domain", "video") != "video":
                raise SpecError("this transform is not for pictures", field=f"augment.{i}", hint="use it on the sound")

    def shape(self, seconds: float) -> Shape:
        if self.resize is not None and self.resize < self.size:
            raise SpecError(f"`resize` {self.resize} is smaller than `size` {self.size}", field="resize")
        return Shape((3, max(1, round(seconds * self.fps)), self.size, self.size))

    def build(self, seconds: float) -> FrameDecoder:
        from .decoder import FrameDecoder

        count = self.shape(seconds).dims[1]
        transforms = [transform.build() for transform in self.augment]
        return FrameDecoder(self.fps, count, self.size, self.resize or self.size, transforms, crops=self.crops)


@component("transform", "random_crop")
@attrs.frozen(kw_only=True)
class RandomCrop:
    """A random part of the picture, scaled back to its size: the same part in all frames."""

    domain: ClassVar[str] = "video"
    scale: tuple[float, float] = option(default=(0.5, 1.0), validator=between(0, 1), doc="share of the area")
    ratio: tuple[float, float] = option(default=(0.75, 1.333), validator=positive, doc="width over height")

    def build(self) -> Any:
        from .decoder import random_crop

        return random_crop(self.scale, self.ratio)


@component("transform", "flip")
@attrs.frozen(kw_only=True)
class Flip:
    """Left and right exchanged, in all frames or none."""

    domain: ClassVar[str] = "video"
    probability: float = option(default=0.5, validator=between(0, 1), doc="of a flip")

    def build(self) -> Any:
        from torchvision.transforms import v2

        return v2.RandomHorizontalFlip(self.probability)


@component("transform", "color_jitter")
@attrs.frozen(kw_only=True)
class ColorJitter:
    """Brightness, contrast, saturation and hue, changed alike in all frames."""

    domain: ClassVar[str] = "video"
    brightness: float = option(default=0.0, validator=at_least(0), doc="largest relative change")
    contrast: float = option(default=0.0, validator=at_least(0), doc="largest relative change")
    saturation: float = option(default=0.0, validator=at_least(0), doc="largest relative change")
    hue: float = option(default=0.0, validator=between(0, 0.5), doc="largest turn, 1 is the whole circle")

    def build(self) -> Any:
        from torchvision.transforms import v2

        return v2.ColorJitter(self.brightness, self.contrast, self.saturation, self.hue)


@component("tokenizer", "tubelets")
@attrs.frozen(kw_only=True)
class Tubelets:
    """Video cut into boxes of frames x height x width, one linear map each, plus positions. An image is a video of one frame."""

    patch: tuple[int, int, int] = option(validator=positive, doc="frames, height, width of a tubelet")
    width: int = option(validator=positive, doc="of a token")
    positions: Positions = option(
        default="learned", doc="a table of every place, or one for each axis (with LayerNorm, or plain); `none` adds nothing"
    )
    repeat: int = option(default=1, validator=positive, doc="how often each frame stands: a picture repeated fills a tubelet")

    def outputs(self, inputs: Group) -> Stream:
        value = one_shape(inputs, 4, "tubelets need video (channels, frames, height, width)")
        sizes = (value.dims[1] * self.repeat, *value.dims[2:])
        for name, size, step in zip(("frames", "height", "width"), sizes, self.patch, strict=True):
            if size % step:
                raise SpecError(f"{size} {name} cannot be cut into {step}", field="patch", hint="choose a divisor")
        grid = tuple(size // step for size, step in zip(sizes, self.patch, strict=True))
        return Stream("video", self.width, grid)

    def build(self, inputs: Group) -> TubeletTokenizer:
        from .tokenizer import TubeletTokenizer

        return TubeletTokenizer(
            only(inputs).dims[0], self.patch, self.outputs(inputs).grid, self.width, positions=self.positions, repeat=self.repeat
        )
