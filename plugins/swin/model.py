"""The Swin transformer on a dict of streams: windows inside each modality, cross-attention for latent streams.

Source: Liu et al. 2021 and 2022; block and numerics as in torchvision's `SwinTransformer` and `SwinTransformer3d`. *Ours*: several
streams at once. One block's weights serve all streams, but for the tables of relative positions, one per modality; latent streams
read, with the same weights and without positions, every token of the streams that the routing gives them.

Axes: B batch, L tokens of a stream, M windows, N tokens of a window, C width, H heads, D head width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.streams import parameter_name
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import Valid, attend
from antifaz.layers.mlp import MLP, DropPath
from antifaz.layers.shapes import mlp_width
from antifaz.layers.transformer import init_transformer, merge_heads, split_heads

from .grids import as_triple, grid_of_stage
from .windows import Windows, fitted_table, table_length

EPS = 1e-5
"""Of every LayerNorm."""
ONLY = "tokens"
"""The name of the table of a backbone with one modality: with the stream's own, `share:` and foreign weights would not fit."""

Streams = dict[str, Tensor]
"""stream -> (B, L, C)."""
Grids = Mapping[str, tuple[int, ...]]
"""modality -> its grid, or the size of its windows."""


class WindowAttention(nn.Module):
    """Modalities attend inside their windows, latent streams to all tokens that they may read.

    Args:
        width: of every stream.
        heads: divides the width.
        windows: modality -> size of its windows.
        latent_routing: what each latent stream reads; None without any.
        dropout: of attention weights and of the result.
    """

    def __init__(self, width: int, heads: int, windows: Grids, latent_routing: Routing | None, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout, self.latent_routing = heads, dropout, latent_routing
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)
        self.table_of = {name: ONLY if len(windows) == 1 else parameter_name(name) for name in windows}
        self.tables = nn.ParameterDict(
            {self.table_of[name]: nn.Parameter(torch.empty(table_length(size), heads)) for name, size in windows.items()}
        )
        self.routings = {name: Routing.full({name: [name]}) for name in windows}
        for table in self.tables.values():
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, x: Mapping[str, Tensor], windows: Mapping[str, Windows], valid: Valid) -> Streams:
        """x: stream -> (B, L, C), normed. valid: stream -> (B, L) or None. A latent stream with nothing to read is left out."""
        mixed: Streams = {}
        q, k, v = {}, {}, {}
        marks: dict[str, Tensor | None] = {}
        for name, cutter in windows.items():
            if name not in x:
                continue
            parts_BMNC = self.qkv(cutter.cut(x[name])).chunk(3, dim=-1)
            valid_BMN = cutter.cut_valid(valid[name])
            mixed[name] = cutter.join(self._inside(name, cutter, parts_BMNC, valid_BMN))
            if self.latent_routing is not None:
                k[name], v[name] = (
                    cutter.without_padding(split_heads(part.flatten(1, 2), self.heads), dim=2) for part in parts_BMNC[1:]
                )
                marks[name] = None if valid_BMN is None else cutter.without_padding(valid_BMN.flatten(1), dim=1)
        if self.latent_routing is not None:
            for name in (name for name in self.latent_routing.readers if name in x):
                parts_BLC = self.qkv(x[name]).chunk(3, dim=-1)
                q[name], k[name], v[name] = (split_heads(part, self.heads) for part in parts_BLC)
                marks[name] = valid[name]
            read = attend(q, k, v, self.latent_routing, valid=marks, dropout=self._dropout)
            mixed.update({name: merge_heads(x_BHLD) for name, x_BHLD in read.items()})
        return {name: self.drop(self.out(x_BLC)) for name, x_BLC in mixed.items()}

    @property
    def _dropout(self) -> float:
        return self.dropout if self.training else 0.0

    def _inside(self, name: str, windows: Windows, parts: Sequence[Tensor], valid_BMN: Tensor | None) -> Tensor:
        """Attend within all windows of a stream in one call: q, k, v (B, M, N, C) -> (B, M, N, C)."""
        batch, count = parts[0].shape[:2]
        bias = windows.bias(self.tables[self.table_of[name]])
        q, k, v = ({name: split_heads(part.flatten(0, 1), self.heads)} for part in parts)
        valid = {name: None if valid_BMN is None else valid_BMN.flatten(0, 1)}
        if len(bias) == 1 or valid_BMN is not None:  # windows are samples
            shared = bias if len(bias) == 1 else bias.repeat(batch, 1, 1, 1)
            out = attend(q, k, v, self.routings[name], valid=valid, bias={(name, name): shared}, dropout=self._dropout)[name]
        else:  # windows are heads, so that a bias that differs between them is not repeated for every sample
            q, k, v = ({name: each[name].unflatten(0, (batch, count)).flatten(1, 2)} for each in (q, k, v))
            out = attend(q, k, v, self.routings[name], bias={(name, name): bias.flatten(0, 1)[None]}, dropout=self._dropout)[name]
            out = out.unflatten(1, (count, self.heads)).flatten(0, 1)
        mixed_BMNC: Tensor = merge_heads(out).unflatten(0, (batch, count))
        return mixed_BMNC


class Block(nn.Module):
    """x + attention(LN(x)), then x + MLP(LN(x)), for every stream."""

    def __init__(
        self,
        width: int,
        heads: int,
        windows: Grids,
        latent_routing: Routing | None,
        *,
        hidden: int,
        dropout: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=EPS)
        self.attention = WindowAttention(width, heads, windows, latent_routing, dropout)
        self.mlp_norm = nn.LayerNorm(width, eps=EPS)
        self.mlp = MLP(width, hidden, dropout=dropout)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Streams, windows: Mapping[str, Windows], valid: Valid) -> Streams:
        normed = {name: self.attention_norm(x_BLC) for name, x_BLC in x.items()}
        read = self.attention(normed, windows, valid)
        x = {name: x_BLC + self.drop_path(read[name]) if name in read else x_BLC for name, x_BLC in x.items()}
        return {name: x_BLC + self.drop_path(self.mlp(self.mlp_norm(x_BLC))) for name, x_BLC in x.items()}


class PatchMerging(nn.Module):
    """Neighbours of 2 x 2 cells become one of twice the width; odd grids are padded with zeros.

    Valid is what has a valid cell; invalid cells count as zeros.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width, eps=EPS)
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x_BLC: Tensor, grid: tuple[int, ...], valid_BL: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, L, C), its grid and its validity -> (B, L', 2C) and its validity."""
        if valid_BL is not None:
            x_BLC = torch.where(valid_BL[..., None], x_BLC, 0.0)
            valid_BL = _quartets(valid_BL[..., None].to(torch.uint8), grid).amax(dim=-1).bool()
        merged_BLC: Tensor = self.reduction(self.norm(_quartets(x_BLC, grid)))
        return merged_BLC, valid_BL


def _quartets(x_BLX: Tensor, grid: tuple[int, ...]) -> Tensor:
    """(B, L, X) -> (B, L', 4X): the cells (0, 0), (1, 0), (0, 1), (1, 1) of height and width, as published."""
    frames, height, width = as_triple(grid)
    x: Tensor = x_BLX.unflatten(1, (frames, height, width))
    if height % 2 or width % 2:
        x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
    x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # (B, T, h, 2, w, 2, X)
    return x.permute(0, 1, 2, 4, 5, 3, 6).flatten(4).flatten(1, 3)


class Merging(nn.Module):
    """The step from one stage to the next: modalities are merged, latent streams mapped to the same width."""

    def __init__(self, width: int, *, latents: bool) -> None:
        super().__init__()
        self.patches = PatchMerging(width)
        self.latents = nn.Linear(width, 2 * width) if latents else None

    def forward(self, x: Streams, grids: Grids, valid: Valid) -> tuple[Streams, dict[str, Tensor | None]]:
        """x: stream -> (B, L, C). grids: modality -> its grid. Returns stream -> (B, L', 2C) and its validity."""
        merged_x: Streams = {}
        merged_valid = dict(valid)
        for name, x_BLC in x.items():
            if name in grids:
                merged_x[name], merged_valid[name] = self.patches(x_BLC, grids[name], valid[name])
            elif self.latents is not None:
                merged_x[name] = self.latents(x_BLC)
        return merged_x, merged_valid


class Stage(nn.Module):
    """Blocks at one resolution; in every other one the windows are shifted.

    Args:
        grids: modality -> its grid in this stage.
        windows: modality -> size of its windows.
        blocks: of the stage.
    """

    def __init__(self, grids: Grids, windows: Grids, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.modalities = tuple(grids)
        self.straight, self.shifted = (
            nn.ModuleDict({parameter_name(name): Windows(grid, windows[name], shifted=shifted) for name, grid in grids.items()})
            for shifted in (False, True)
        )

    def forward(self, x: Streams, valid: Valid) -> Streams:
        straight, shifted = (
            {name: each[parameter_name(name)] for name in self.modalities} for each in (self.straight, self.shifted)
        )
        for i, block in enumerate(self.blocks):
            x = block(x, shifted if i % 2 else straight, valid)
        return x


class SwinTransformer(nn.Module):
    """Stages of blocks with mergings between them, and a final LayerNorm.

    Args:
        width: of every stream that arrives; it doubles with every merging.
        grids: modality -> its grid, (T, H, W), (H, W) or (F, T); the other streams are latent.
        windows: modality -> size of its windows, see Windows.
        latent_routing: what each latent stream reads, in every block; None without any.
        depths, heads: of each stage.
        mlp_ratio: width of the MLPs as a multiple of the streams'.
        embed_norm: whether modalities pass a LayerNorm first.
        dropout, drop_path: regularisation in training; drop path grows linearly up to the last block.
    """

    def __init__(
        self,
        width: int,
        grids: Grids,
        windows: Grids,
        latent_routing: Routing | None = None,
        *,
        depths: Sequence[int],
        heads: Sequence[int],
        mlp_ratio: float = 4.0,
        embed_norm: bool = True,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.grids = [{name: grid_of_stage(grid, i) for name, grid in grids.items()} for i in range(len(depths))]
        self.embed_norm = nn.LayerNorm(width, eps=EPS) if embed_norm else None
        rates = iter(drop_path * i / max(1, sum(depths) - 1) for i in range(sum(depths)))
        self.stages, self.mergings = nn.ModuleList(), nn.ModuleList()
        for i, (depth, count) in enumerate(zip(depths, heads, strict=True)):
            if i:
                self.mergings.append(Merging(width, latents=latent_routing is not None))
                width *= 2
            hidden = mlp_width(width, mlp_ratio)
            blocks = [
                Block(width, count, windows, latent_routing, hidden=hidden, dropout=dropout, drop_path=next(rates))
                for _ in range(depth)
            ]
            self.stages.append(Stage(self.grids[i], windows, blocks))
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.apply(init_transformer)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, L, C), absent ones are not there; returns the same streams as the last stage leaves them.

        Raises:
            ValueError: tokens that do not fill the grid that this was built for.
        """
        for name, tokens in streams.items():
            self._check(name, tokens)
        valid = {name: tokens.valid for name, tokens in streams.items()}
        x = {name: self._embedded(name, tokens.values) for name, tokens in streams.items()}
        for i, stage in enumerate(self.stages):
            if i:
                x, valid = self.mergings[i - 1](x, self.grids[i - 1], valid)
            x = stage(x, valid)
        grids = {name: self.grids[-1].get(name, tokens.grid) for name, tokens in streams.items()}
        return {name: Tokens(self.norm(x_BLC), grids[name], valid=valid[name]) for name, x_BLC in x.items()}

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of a backbone with one modality and no latent streams, as published models have them, for this one.

        Each modality gets the table of relative positions: a flat one is repeated over time (Liu et al. 2022), of one that spans
        time a flat window takes the offset 0. What latent streams alone have keeps its first values.
        """
        current = self.state_dict()
        adapted = {name: value for name, value in weights.items() if name in current or not name.endswith(f".tables.{ONLY}")}
        has_latents = any(".latents." in name for name in weights)
        for name, value in current.items():
            block, is_table, stream = name.rpartition(".tables.")
            table = weights.get(f"{block}.tables.{ONLY}")
            if is_table and table is not None and (stream == ONLY or name not in weights):
                adapted[name] = fitted_table(table, len(value))
            elif ".latents." in name and not has_latents:
                adapted[name] = value
        return adapted

    def _embedded(self, name: str, x_BLC: Tensor) -> Tensor:
        if self.embed_norm is None or name not in self.grids[0]:
            return x_BLC
        normed: Tensor = self.embed_norm(x_BLC)
        return normed

    def _check(self, name: str, tokens: Tokens) -> None:
        expected = self.grids[0].get(name)
        if expected is None:
            return
        if tokens.index is not None:
            raise ValueError(f"stream {name!r} has dropped tokens; windows need the whole grid, so keep all tokens, or use `vit`")
        if tuple(tokens.grid) != tuple(expected):
            raise ValueError(f"stream {name!r} has the grid {tuple(tokens.grid)}; this backbone was built for {tuple(expected)}")
