"""Sample rates: tones keep their pitch, place and loudness, whichever resampler a ratio takes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from antifaz.data.media import resampling
from antifaz.data.media.resampling import resample


def tone(rate: int, hertz: float = 440.0):
    """A sound without an end, by its samples."""

    def native(first: int, count: int) -> NDArray[np.float32]:
        return np.sin(2 * np.pi * hertz * (first + np.arange(count)) / rate).astype(np.float32)

    return native


@pytest.mark.parametrize(("rate", "sample_rate"), [(44100, 16000), (48000, 16000), (8000, 16000), (16000, 22050), (22254, 16000)])
@pytest.mark.parametrize("start", [0.0, 0.7, 12.345])
def test_a_tone_is_that_tone(rate: int, sample_rate: int, start: float) -> None:
    sound = resample(tone(rate), start, 0.5, rate, sample_rate)
    expected = tone(sample_rate)(round(start * sample_rate), round(0.5 * sample_rate))
    assert (sound.shape, sound.dtype) == (expected.shape, np.float32)
    at_most_one_native_sample = 2 * np.pi * 440 / rate
    assert np.abs(sound - expected)[50:-50].max() < at_most_one_native_sample + 0.01


def test_one_rate_is_passed_on() -> None:
    assert np.array_equal(resample(tone(8000), 1.0, 0.25, 8000, 8000), tone(8000)(8000, 2000))


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    sound = resample(tone(48000, 12000.0), 0.5, 0.5, 48000, 16000)
    assert np.abs(sound).max() < 0.02


def test_awkward_ratios_take_the_other_resampler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "_resampler", None)
    assert len(resample(tone(22254), 0.0, 0.1, 22254, 16000)) == 1600
    with pytest.raises(TypeError):
        resample(tone(44100), 0.0, 0.1, 44100, 16000)
