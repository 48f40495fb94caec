"""Frames out of media files. Axes: B batch, T frames, H height, W width."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torchvision.transforms import v2

from antifaz.data.media.file import Media

Transform = Callable[[Tensor], Tensor]


class FrameDecoder:
    """Pictures of a clip.

    Args:
        fps: pictures a second.
        count: pictures a clip.
        size: side of what the model sees.
        stored: side of what is decoded, at least `size`.
        transforms: on uint8 (T, 3, H, W), in training.
        crops: squares along the longer side, in evaluation.
    """

    def __init__(
        self, fps: float, count: int, size: int, stored: int, transforms: Sequence[Transform] = (), *, crops: int = 1
    ) -> None:
        self.fps, self.count, self.size, self.side, self.transforms, self.crops = fps, count, size, stored, transforms, crops

    def decode(self, source: Media, start: float) -> Tensor | None:
        """uint8 (T, 3, stored, stored) of the centre, or None where the file has no pictures."""
        return self._square(source, start, 0.5)

    def decode_crop(self, source: Media, start: float, crop: int) -> Tensor | None:
        """Decode one crop of a clip, as `decode`; crop 0 is the left or upper end."""
        return self._square(source, start, 0.5 if self.crops == 1 else crop / (self.crops - 1))

    def _square(self, media: Media, start: float, place: float) -> Tensor | None:
        if not media.has_video:
            return None
        frames = torch.from_numpy(media.frames(start, self.count, self.fps, self.side, place))
        return frames.permute(0, 3, 1, 2).contiguous()

    def augment(self, stored: Tensor) -> Tensor:
        for transform in self.transforms:
            stored = transform(stored)
        return stored

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        """uint8 (B, T, 3, H, W) -> float32 (B, 3, T, size, size) in [-1, 1]; the centre where it is larger."""
        margin = (stored.shape[-1] - self.size) // 2
        centre = stored[..., margin : margin + self.size, margin : margin + self.size]
        return centre.transpose(1, 2).float().div_(127.5).sub_(1.0)


def random_crop(scale: tuple[float, float], ratio: tuple[float, float]) -> Transform:
    """A random part of (T, C, H, W), scaled back to H x W."""

    def crop(frames: Tensor) -> Tensor:
        size = (frames.shape[-2], frames.shape[-1])
        cropped: Tensor = v2.RandomResizedCrop(size, scale, ratio, antialias=True)(frames)
        return cropped

    return crop
