"""Sound out of media files. Axes: B batch, S samples, F mel bins, T frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
import torchaudio.functional as AF
import torchaudio.transforms as AT
from torch import Tensor

from antifaz.data.media.file import Media

if TYPE_CHECKING:
    from .spec import LogMel

FLOOR = 1e-5
"""Added to mel energies before the logarithm, so that silence is finite."""


class WaveformDecoder:
    """Samples of a clip.

    Args:
        sample_rate: after resampling.
        seconds: of the clip.
    """

    def __init__(self, sample_rate: int, seconds: float) -> None:
        self.sample_rate, self.seconds = sample_rate, seconds

    def decode(self, media: Media, start: float) -> Tensor | None:
        """int16 (S,), or None where the file has no sound."""
        if not media.has_audio:
            return None
        return torch.from_numpy(media.waveform(start, self.seconds, self.sample_rate))

    def augment(self, stored: Tensor) -> Tensor:
        return stored

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        """int16 (B, S) -> float32 (B, S) in [-1, 1]."""
        return stored.float() / 32768


class LogMelDecoder(WaveformDecoder):
    """Log-mel spectrograms of a clip.

    Args:
        spec: the settings.
        seconds: of the clip.
        frames: of the spectrogram.
        augment: on float (B, F, T), in training.
    """

    def __init__(self, spec: LogMel, seconds: float, frames: int, augment: Callable[[Tensor], Tensor] | None) -> None:
        super().__init__(spec.sample_rate, seconds)
        self.spec, self.frames, self.spectrogram_augment = spec, frames, augment
        self.mel = AT.MelSpectrogram(
            spec.sample_rate,
            n_fft=spec.fft_size,
            win_length=spec.window_samples,
            hop_length=spec.hop_samples,
            f_min=spec.low,
            f_max=spec.high,
            n_mels=spec.bins,
            power=2.0,
        )

    def finish(self, stored: Tensor, training: bool) -> Tensor:
        """int16 (B, S) -> float32 (B, F, T)."""
        energy_BFT: Tensor = self.mel(super().finish(stored, training))[..., : self.frames]
        mel_BFT = ((energy_BFT + FLOOR).log() - self.spec.mean) / self.spec.std
        if training and self.spectrogram_augment is not None:
            mel_BFT = self.spectrogram_augment(mel_BFT)
        return mel_BFT


def spec_augment(time_masks: int, time_width: int, frequency_masks: int, frequency_width: int) -> Callable[[Tensor], Tensor]:
    """Masks with 0, the mean of standardised spectrograms, in (B, F, T)."""

    def mask(mel_BFT: Tensor) -> Tensor:
        mel_B1FT = mel_BFT[:, None]
        for _ in range(time_masks):
            mel_B1FT = AF.mask_along_axis_iid(mel_B1FT, time_width, 0.0, 3)
        for _ in range(frequency_masks):
            mel_B1FT = AF.mask_along_axis_iid(mel_B1FT, frequency_width, 0.0, 2)
        return mel_B1FT[:, 0]

    return mask
