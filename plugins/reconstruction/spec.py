"""What a model says an array holds against what it does hold: an error to train by, and PSNR to report.

Source: Jaegle et al. 2022, "Perceiver IO", appendix I (absolute errors of video and sound; PSNR as the figure).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.streams import Group, Shape
from antifaz.registry import SpecError, component, option, positive

if TYPE_CHECKING:
    from .error import ReconstructionLoss
    from .psnr import PeakSignalToNoise


@component("objective", "reconstruction", arguments=("prediction", "target"))
@attrs.frozen(kw_only=True)
class Reconstruction:
    """Mean error over all numbers of an array."""

    error: Literal["absolute", "squared"] = option(default="squared", doc="L1 or L2: what of each difference is averaged")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        one_shape({argument: float_array(inputs, argument) for argument in ("prediction", "target")})

    def build(self, inputs: Mapping[str, Group]) -> ReconstructionLoss:
        from .error import ReconstructionLoss

        self.validate(inputs)
        return ReconstructionLoss(self.error)


@component("metric", "psnr", arguments=("prediction", "target"))
@attrs.frozen(kw_only=True)
class PSNR:
    """Peak signal-to-noise ratio in dB: 10 log10(range^2 / mean squared error) of each sample, averaged over the samples."""

    range: float = option(default=2.0, validator=positive, doc="from the least to the greatest value: 2 for data in [-1, 1]")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        one_shape({argument: float_array(inputs, argument) for argument in ("prediction", "target")})

    def build(self, inputs: Mapping[str, Group]) -> PeakSignalToNoise:
        from .psnr import PeakSignalToNoise

        self.validate(inputs)
        return PeakSignalToNoise(self.range)


def one_array(inputs: Mapping[str, Group], argument: str) -> Shape:
    """The single array of an argument; SpecError for tokens or several."""
    values = list(inputs[argument].values())
    if len(values) != 1 or not isinstance(values[0], Shape):
        raise SpecError(f"`{argument}` must be one array", hint="name one output, such as `values.video`")
    return values[0]


def float_array(inputs: Mapping[str, Group], argument: str) -> Shape:
    """Return the argument's only array, as `one_array`; SpecError where it does not hold floats."""
    array = one_array(inputs, argument)
    if not array.dtype.startswith(("float", "bfloat")):
        raise SpecError(f"`{argument}` is {array.dtype}; predictions and targets are floats")
    return array


def one_shape(arrays: Mapping[str, Shape]) -> None:
    """SpecError unless all have the same sizes."""
    if len({array.dims for array in arrays.values()}) != 1:
        listing = ", ".join(f"{argument} {list(array.dims)}" for argument, array in arrays.items())
        raise SpecError(f"the shapes differ: {listing}")
