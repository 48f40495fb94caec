"""Audio: decoded in sync with the pictures, as log-mel spectrogram or waveform (torchaudio), cut into patches.

Source: Gong et al. 2021 ("AST", patches of a spectrogram); Park et al. 2019 (SpecAugment). Defaults are *ours*.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from antifaz.core.interfaces import TransformSpec
from antifaz.core.streams import Group, Positions, Shape, Stream
from antifaz.layers.shapes import one_shape
from antifaz.registry import SpecError, at_least, component, option, positive

if TYPE_CHECKING:
    from .decoder import LogMelDecoder, WaveformDecoder
    from .tokenizer import SpectrogramTokenizer, WaveformTokenizer

LONGER_TRANSFORMS = 4
"""How often the transform may be doubled for the sake of narrow mel bands."""


@component("decoder", "log_mel")
@attrs.frozen(kw_only=True)
class LogMel:
    """Log-mel spectrogram of the clip's sound: float (bins, frames), standardised by constants."""

    sample_rate: int = option(default=16000, validator=positive, doc="samples a second after resampling")
    bins: int = option(default=128, validator=positive, doc="mel bands")
    window: float = option(default=0.025, validator=positive, doc="seconds of a frame")
    hop: float = option(default=0.010, validator=positive, doc="seconds between frames")
    low: float = option(default=20.0, validator=at_least(0), doc="lowest frequency, Hz")
    high: float | None = option(default=None, validator=positive, doc="highest frequency, Hz; default half the sample rate")
    mean: float = option(default=-4.0, doc="subtracted from the logarithm")
    std: float = option(default=4.0, validator=positive, doc="divides what is left")
    augment: TransformSpec | None = option(default=None, doc="a transform of spectrograms in training, such as spec_augment")

    def shape(self, seconds: float) -> Shape:
        if self.high is not None and not self.low < self.high <= self.sample_rate / 2:
            raise SpecError(f"`high` must lie between `low` and {self.sample_rate / 2:g} Hz, not {self.high:g}", field="high")
        if self.low >= self.sample_rate / 2:
            raise SpecError(f"`low` must lie below {self.sample_rate / 2:g} Hz, not at {self.low:g}", field="low")
        frames = max(1, round(seconds / self.hop))
        if self.hop_samples < 1 or frames > 1 + round(seconds * self.sample_rate) // self.hop_samples:
            message = f"a hop of {self.hop:g} s is {self.hop * self.sample_rate:.2f} samples"
            raise SpecError(message, field="hop", hint="choose a whole number of samples")
        _ = self.fft_size  # refuses bands that are too narrow
        return Shape((self.bins, frames))

    @property
    def hop_samples(self) -> int:
        return round(self.hop * self.sample_rate)

    @property
    def window_samples(self) -> int:
        return max(1, round(self.window * self.sample_rate))

    @property
    def fft_size(self) -> int:
        """The least power of two that holds a window and leaves no mel band without a frequency in it.

        Raises:
            SpecError: bands so narrow that there is none.
        """
        size = 1 << (self.window_samples - 1).bit_length()
        if self.bins > size << LONGER_TRANSFORMS:
            raise SpecError(f"{self.bins} bins are more than a transform of this window has", field="bins")
        edges = self._band_edges()
        for _ in range(LONGER_TRANSFORMS):
            spacing = self.sample_rate / size
            if all((math.floor(low / spacing) + 1) * spacing < high for low, high in zip(edges, edges[2:], strict=False)):
                return size
            size *= 2
        raise SpecError(f"{self.bins} bins are too many for {self.low:g} Hz and up at this window", field="bins")

    def _band_edges(self) -> list[float]:
        """Edges of the mel bands in Hz; band i lies between edges i and i + 2. HTK's mel scale."""
        low, high = (2595 * math.log10(1 + f / 700) for f in (self.low, self.high or self.sample_rate / 2))
        steps = [low + (high - low) * i / (self.bins + 1) for i in range(self.bins + 2)]
        return [700 * (10 ** (mel / 2595) - 1) for mel in steps]

    def __attrs_post_init__(self) -> None:
        if getattr(self.augment, "domain", "spectrogram") != "spectrogram":
            raise SpecError("this transform is not for spectrograms", field="augment", hint="spec_augment is")

    def build(self, seconds: float) -> LogMelDecoder:
        from .decoder import LogMelDecoder

        augment = None if self.augment is None else self.augment.build()
        return LogMelDecoder(self, seconds, self.shape(seconds).dims[1], augment)


@component("decoder", "waveform")
@attrs.frozen(kw_only=True)
class Waveform:
    """The clip's sound itself: float (samples,) in [-1, 1]."""

    sample_rate: int = option(default=48000, validator=positive, doc="samples a second after resampling")

    def shape(self, seconds: float) -> Shape:
        return Shape((round(seconds * self.sample_rate),))

    def build(self, seconds: float) -> WaveformDecoder:
        from .decoder import WaveformDecoder

        return WaveformDecoder(self.sample_rate, seconds)


@component("transform", "spec_augment")
@attrs.frozen(kw_only=True)
class SpecAugment:
    """Masks random spans of time and frequency, other ones in each sample."""

    domain: ClassVar[str] = "spectrogram"
    time_masks: int = option(default=1, validator=at_least(0), doc="number of masks along time")
    time_width: int = option(default=16, validator=at_least(0), doc="largest width of one, in frames")
    frequency_masks: int = option(default=1, validator=at_least(0), doc="number of masks along frequency")
    frequency_width: int = option(default=8, validator=at_least(0), doc="largest width of one, in bins")

    def build(self) -> Any:
        from .decoder import spec_augment

        return spec_augment(self.time_masks, self.time_width, self.frequency_masks, self.frequency_width)


@component("tokenizer", "spectrogram_patches")
@attrs.frozen(kw_only=True)
class SpectrogramPatches:
    """A spectrogram cut into patches of bins x frames, one linear map each, plus positions."""

    patch: tuple[int, int] = option(validator=positive, doc="bins and frames of a patch")
    width: int = option(validator=positive, doc="of a token")
    positions: Positions = option(
        default="learned", doc="a table of every place, or one for each axis (with LayerNorm, or plain); `none` adds nothing"
    )

    def outputs(self, inputs: Group) -> Stream:
        value = one_shape(inputs, 2, "patches need a spectrogram (bins, frames)")
        for name, size, step in zip(("bins", "frames"), value.dims, self.patch, strict=True):
            if size % step:
                raise SpecError(f"{size} {name} cannot be cut into {step}", field="patch", hint="choose a divisor")
        return Stream("audio", self.width, (value.dims[0] // self.patch[0], value.dims[1] // self.patch[1]))

    def build(self, inputs: Group) -> SpectrogramTokenizer:
        from .tokenizer import SpectrogramTokenizer

        return SpectrogramTokenizer(self.patch, self.outputs(inputs).grid, self.width, positions=self.positions)


@component("tokenizer", "waveform_patches")
@attrs.frozen(kw_only=True)
class WaveformPatches:
    """A waveform cut into runs of samples, one linear map each, plus positions (Akbari et al. 2021, "VATT")."""

    patch: int = option(default=128, validator=positive, doc="samples of a token")
    width: int = option(validator=positive, doc="of a token")
    positions: Positions = option(
        default="separable", doc="a vector for each token (`separable`: then LayerNorm); `none` adds nothing"
    )

    def outputs(self, inputs: Group) -> Stream:
        hint = "decode it with `use: waveform`; a spectrogram takes `spectrogram_patches`"
        value = one_shape(inputs, 1, "patches of sound need a waveform (samples)", hint)
        if value.dims[0] % self.patch:
            raise SpecError(f"{value.dims[0]} samples cannot be cut into {self.patch}", field="patch", hint="choose a divisor")
        return Stream("audio", self.width, (value.dims[0] // self.patch,))

    def build(self, inputs: Group) -> WaveformTokenizer:
        from .tokenizer import WaveformTokenizer

        return WaveformTokenizer(self.patch, self.outputs(inputs).tokens, self.width, positions=self.positions)
