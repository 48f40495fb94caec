"""VATT: DropToken and the hierarchical common space.

Source: Akbari et al. 2021, "VATT: transformers for multimodal self-supervised learning from raw video, audio and text", and the
released code (google-research/vatt). Tokenizers, AGG tokens and transformers are graph nodes of other plugins; see the README.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream
from antifaz.layers.shapes import require_vectors
from antifaz.registry import SpecError, component, option, positive, zero_to_below_one

if TYPE_CHECKING:
    from .common_space import CommonSpaceMaps
    from .drop_token import DropTokens

MODALITIES = ("video", "audio", "text")


@component("backbone", "drop_token")
@attrs.frozen(kw_only=True)
class DropToken:
    """Drops a random part of each stream's tokens, in training alone: attention costs less, and nearby tokens are alike anyway."""

    rate: float = option(default=0.5, validator=zero_to_below_one, doc="share of the tokens that are dropped; at least one is kept")
    draw: Literal["batch", "sample"] = option(
        default="batch", doc="one set for all samples of a process's batch, or one for each sample"
    )

    def outputs(self, inputs: Group) -> Group:
        return {
            name: attrs.evolve(stream, partial=True) if self.rate and isinstance(stream, Stream) else stream
            for name, stream in inputs.items()
        }

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (Routing.full({name: [name] for name in inputs}),)

    def build(self, inputs: Group) -> DropTokens:
        from .drop_token import DropTokens

        return DropTokens(self.rate, per_sample=self.draw == "sample")


@component("head", "common_space")
@attrs.frozen(kw_only=True)
class CommonSpace:
    """Video and audio in one space, video and text in a coarser one: outputs `video`, `audio`, `video_text` and `text`.

    | map | paper | code |
    | --- | --- | --- |
    | video | linear, BN, ReLU, linear, BN | the same |
    | audio, text | linear, BN | linear with bias |
    | video -> video_text | linear, BN | ReLU, linear, BN |
    """

    variant: Literal["paper", "code"] = option(default="paper", doc="the maps of the paper, or of the released code")
    width: int = option(default=512, validator=positive, doc="of the space of video and audio")
    text_width: int = option(default=256, validator=positive, doc="of the space of video and text")

    def outputs(self, inputs: Group) -> Group:
        unknown = [name for name in inputs if name not in MODALITIES]
        if unknown or "video" not in inputs:
            wrong = f"it does not know {unknown[0]!r}" if unknown else "video is missing"
            raise SpecError(
                f"the common space takes video, audio and text, and {wrong}",
                field="in",
                hint="name them: `in: {video: ..., audio: ..., text: ...}`; audio or text may be left out",
            )
        text = inputs.get("text")
        candidates = isinstance(text, Shape) and len(text.dims) == 2
        one_each = {name: value for name, value in inputs.items() if name != "text" or not candidates}
        require_vectors(one_each, hint="put a readout before the common space")
        projected: dict[str, Shape] = {"video": Shape((self.width,))}
        if "audio" in inputs:
            projected["audio"] = Shape((self.width,))
        if "text" in inputs:
            projected["video_text"] = Shape((self.text_width,))
            projected["text"] = Shape((*_dims(inputs["text"])[:-1], self.text_width))
        return projected

    def routings(self, inputs: Group) -> Sequence[Routing]:
        reads = {name: ["video" if name == "video_text" else name] for name in self.outputs(inputs)}
        return (Routing.full(reads, learned_readers=True),)

    def build(self, inputs: Group) -> CommonSpaceMaps:
        from .common_space import CommonSpaceMaps

        widths = {name: _dims(value)[-1] for name, value in inputs.items()}
        return CommonSpaceMaps(widths, self.width, self.text_width, released=self.variant == "code")


def _dims(value: Any) -> tuple[int, ...]:
    dims: tuple[int, ...] = value.dims
    return dims
