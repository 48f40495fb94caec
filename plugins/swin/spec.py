"""Swin: attention inside windows, shifted in every other block, on grids that are merged between the stages.

Source: Liu et al. 2021, "Swin Transformer: hierarchical vision transformer using shifted windows"; Liu et al. 2022, "Video Swin
Transformer". *Ours*: several modalities and latent streams in one backbone (Zorro-Swin), see model.py.

| size | width | depths | heads | window, 2D | window, 3D |
| --- | --- | --- | --- | --- | --- |
| tiny | 96 | 2, 2, 6, 2 | 3, 6, 12, 24 | 7, 7 | 8, 7, 7 |
| small | 96 | 2, 2, 18, 2 | 3, 6, 12, 24 | 7, 7 | 8, 7, 7 |
| base | 128 | 2, 2, 18, 2 | 4, 8, 16, 32 | 7, 7 | 8, 7, 7 |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import attrs

from antifaz.core.interfaces import MaskPolicy
from antifaz.core.routing import Edge, Routing
from antifaz.core.streams import Group, Stream, one_width, require_whole, streams_of
from antifaz.registry import SpecError, between, component, option, positive, suggest, zero_to_below_one

from .grids import grid_of_stage, smallest_side

if TYPE_CHECKING:
    from .model import SwinTransformer


@attrs.frozen
class Size:
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]


SIZES: Mapping[str, Size] = {
    "tiny": Size(96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "small": Size(96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "base": Size(128, (2, 2, 18, 2), (4, 8, 16, 32)),
}
WINDOWS: Mapping[int, tuple[int, ...]] = {2: (7, 7), 3: (8, 7, 7)}
"""The published windows, by the number of axes of the grid."""


@component("backbone", "swin")
@attrs.frozen(kw_only=True)
class Swin:
    """Windowed transformer for video, images and spectrograms; latent streams read all of them, windows never mix them."""

    mask: MaskPolicy | None = option(
        default=None, doc="which stream reads which: `zorro` with latent streams; default each modality itself"
    )
    size: Literal["tiny", "small", "base"] | None = option(default=None, doc="depths and heads of a published size")
    depths: tuple[int, ...] | None = option(
        default=None, validator=between(1, 1000), doc="blocks of each stage; needed without `size`"
    )
    heads: tuple[int, ...] | None = option(default=None, validator=positive, doc="of each stage; needed without `size`")
    window: tuple[int, ...] | Mapping[str, tuple[int, ...]] | None = option(
        default=None,
        doc="tokens along each axis, for all streams or {stream: [...]}: two numbers stay within a frame, three span time; "
        "default 7, 7 for a grid of two axes and 8, 7, 7 for three",
    )
    embed_norm: bool = option(default=True, doc="a LayerNorm on the tokens of modalities before the first block, as published")
    mlp_ratio: float = option(default=4.0, validator=positive, doc="width of the MLP as a multiple of the stream's")
    dropout: float = option(default=0.0, validator=zero_to_below_one, doc="after attention and in the MLP")
    drop_path: float = option(default=0.0, validator=zero_to_below_one, doc="of the last block's branches, growing linearly")

    def __attrs_post_init__(self) -> None:
        for field in ("depths", "heads"):
            value = getattr(self, field)
            if value is None and self.size is None:
                raise SpecError(f"`{field}` is missing", field=field, hint=f"give `{field}`, or a `size`: {', '.join(SIZES)}")
            if value == ():
                raise SpecError(f"`{field}` names no stage", field=field, hint="give a number for each stage")
        if len(self._depths) != len(self._heads):
            raise SpecError(
                f"`depths` has {len(self._depths)} stages and `heads` {len(self._heads)}",
                field="heads" if self.heads is not None else "depths",
                hint="give one number of each for every stage",
            )
        named = self.window.items() if isinstance(self.window, Mapping) else [(None, self.window)]
        for name, window in named:
            if window is not None and (len(window) not in WINDOWS or min(window) < 1):
                raise SpecError(
                    f"a window has two or three numbers above 0, not {list(window)}",
                    field="window" if name is None else f"window.{name}",
                )

    def outputs(self, inputs: Group) -> Group:
        streams = streams_of(inputs)
        self._check_widths(streams)
        require_whole((stream for stream in streams if not stream.latent), "windows take")
        self._routing(streams)
        grids = self._grids(streams)
        self._windows(streams)
        last = len(self._depths) - 1
        width = streams[0].width * 2**last
        final_grids = {name: grid_of_stage(grid, last) for name, grid in grids.items()}
        return {s.name: attrs.evolve(s, width=width, grid=final_grids.get(s.name, s.grid)) for s in streams}

    def routings(self, inputs: Group) -> Sequence[Routing]:
        return (self._routing(streams_of(inputs)),) * sum(self._depths)

    def build(self, inputs: Group) -> SwinTransformer:
        from .model import SwinTransformer

        streams = streams_of(inputs)
        reads = self._routing(streams).reads
        latents = {s.name: reads[s.name] for s in streams if s.latent}
        return SwinTransformer(
            streams[0].width,
            self._grids(streams),
            self._windows(streams),
            Routing(latents) if latents else None,
            depths=self._depths,
            heads=self._heads,
            mlp_ratio=self.mlp_ratio,
            embed_norm=self.embed_norm,
            dropout=self.dropout,
            drop_path=self.drop_path,
        )

    @property
    def _depths(self) -> tuple[int, ...]:
        return self.depths if self.depths is not None else SIZES[self.size or "base"].depths

    @property
    def _heads(self) -> tuple[int, ...]:
        return self.heads if self.heads is not None else SIZES[self.size or "base"].heads

    def _check_widths(self, streams: Sequence[Stream]) -> None:
        """Raise SpecError unless all streams have one width, the size's if there is one, and the heads of every stage divide it."""
        width = one_width({stream.name: stream for stream in streams})
        if self.size is not None and SIZES[self.size].width != width:
            expected = SIZES[self.size].width
            raise SpecError(f"size {self.size!r} has width {expected}, but the streams have {width}", field="size")
        for stage, heads in enumerate(self._heads):
            if width * 2**stage % heads:
                message = f"{heads} heads do not divide the width {width * 2**stage} of stage {stage + 1}"
                raise SpecError(message, field="heads" if self.heads is not None else "size")

    def _grids(self, streams: Sequence[Stream]) -> dict[str, tuple[int, ...]]:
        """The grids of the modalities, all of them large enough."""
        side = smallest_side(len(self._depths))
        grids = {stream.name: stream.grid for stream in streams if not stream.latent}
        if not grids:
            raise SpecError("only latent streams arrive; windows need a grid", field="in", hint="add a modality, or use `vit`")
        for name, grid in grids.items():
            if len(grid) not in WINDOWS:
                raise SpecError(
                    f"stream {name!r} has the grid {list(grid)}; windows need two axes (height, width or bins, frames) or three "
                    "(frames, height, width)",
                    field="in",
                    hint="use `vit` for streams without a grid",
                )
            if min(grid[-2:]) < side:
                raise SpecError(
                    f"the grid {list(grid)} of stream {name!r} is too small: {len(self._depths)} stages need at least {side} along "
                    "each of its last two axes",
                    field="in",
                    hint="use smaller patches, a larger input or fewer stages",
                )
        return grids

    def _windows(self, streams: Sequence[Stream]) -> dict[str, tuple[int, ...]]:
        """The window of every modality."""
        grids = {stream.name: stream.grid for stream in streams if not stream.latent}
        given = self.window if isinstance(self.window, Mapping) else dict.fromkeys(grids, self.window)
        for name in given:
            if name not in grids:
                hint = suggest(name, list(grids), noun="streams with windows")
                raise SpecError(f"no stream {name!r} has windows", field=f"window.{name}", hint=hint)
        windows = {name: given.get(name) or WINDOWS[len(grid)] for name, grid in grids.items()}
        for name, window in windows.items():
            if len(window) > len(grids[name]):
                raise SpecError(
                    f"the window {list(window)} does not fit the grid {list(grids[name])} of stream {name!r}",
                    field=f"window.{name}" if isinstance(self.window, Mapping) else "window",
                    hint=f"give each stream its own: `window: {{{name}: [7, 7]}}`",
                )
        return windows

    def _routing(self, streams: Sequence[Stream]) -> Routing:
        """Return which stream reads which; SpecError unless every modality reads itself alone."""
        latents = [stream.name for stream in streams if stream.latent]
        if self.mask is None:
            if latents:
                raise SpecError(
                    f"`mask` is missing: it says what {latents[0]!r} reads",
                    field="mask",
                    hint="`mask: zorro` lets it read every stream",
                )
            return Routing.full({stream.name: [stream.name] for stream in streams})
        routing = self.mask.routing(streams, streams)
        for stream in streams:
            row = routing.reads[stream.name]
            if not stream.latent and dict(row) != {stream.name: Edge.FULL}:
                raise SpecError(
                    f"windows cannot let {_described(stream.name, row)}: they are cut from the grid of one stream, so a modality "
                    "reads itself alone, and fully",
                    field="mask",
                    hint="use `zorro` (latent streams read all), `isolated`, or the backbone `vit`",
                )
        return routing


def _described(reader: str, row: Mapping[str, Edge]) -> str:
    sources = ", ".join(f"{s!r}" if edge is Edge.FULL else f"{s!r} ({edge.value})" for s, edge in row.items())
    return f"{reader!r} read {sources}"
