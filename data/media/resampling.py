"""Sample rates: torchaudio's band-limited interpolation, cheaper than FFmpeg's at 16 kHz; FFmpeg's for awkward ratios."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import av
import numpy as np
import torch
import torchaudio.transforms as AT
from numpy.typing import NDArray

EDGE = 0.02
"""Seconds of sound around a span that are resampled with it, so that a span does not ring where it is cut."""
LARGEST_KERNEL = 2_000_000
"""Taps over all phases, above which torchaudio's kernel costs more than the sound: 22,254 Hz -> 16 kHz has 89 million."""


def resample(
    native: Callable[[int, int], NDArray[np.float32]], start: float, seconds: float, rate: int, sample_rate: int
) -> NDArray[np.float32]:
    """(round(seconds * sample_rate),) of a sound that `native(first sample, count)` gives at `rate`."""
    first, wanted = round(start * rate), round(seconds * sample_rate)
    if rate == sample_rate:
        return native(first, wanted)
    common = math.gcd(rate, sample_rate)
    step = rate // common  # so many native samples are a whole number of new ones
    margin = step * math.ceil(EDGE * rate / step)
    count = math.ceil(wanted * rate / sample_rate) + 2 * margin
    sound = native(first - margin, count)
    skip = margin // step * (sample_rate // common)
    if (sample_rate // common) * (2 * 7 * max(1, rate // sample_rate) + step) > LARGEST_KERNEL:
        changed = _by_ffmpeg(sound, rate, sample_rate)
    else:
        changed = _resampler(rate, sample_rate)(torch.from_numpy(sound)).numpy()
    return np.ascontiguousarray(np.pad(changed, (0, max(0, skip + wanted - len(changed))))[skip : skip + wanted])


@lru_cache(maxsize=16)
def _resampler(rate: int, sample_rate: int) -> AT.Resample:
    return AT.Resample(rate, sample_rate)


def _by_ffmpeg(sound: NDArray[np.float32], rate: int, sample_rate: int) -> NDArray[np.float32]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=sample_rate)
    frame: Any = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate = rate
    return np.concatenate([part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))])
