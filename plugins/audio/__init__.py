"""Audio: log-mel spectrograms and waveforms of the same clip, SpecAugment, patches of both."""

from antifaz.core.examples import Example
from antifaz.registry import hookimpl

from .spec import LogMel, SpecAugment, SpectrogramPatches, Waveform, WaveformPatches


@hookimpl
def antifaz_components() -> list[type]:
    return [LogMel, SpecAugment, SpectrogramPatches, Waveform, WaveformPatches]


@hookimpl
def antifaz_examples() -> list[Example]:
    from .examples import EXAMPLES

    return EXAMPLES
