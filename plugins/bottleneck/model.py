"""Encoders that meet in a bottleneck.  Source: Nagrani et al. 2021. Axes: B batch, N tokens, W width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.core.streams import parameter_name
from antifaz.core.tokens import Tokens
from antifaz.layers.attention import Valid
from antifaz.layers.mlp import drop_path_rates
from antifaz.layers.transformer import TransformerBlock, init_transformer

SHARED = "shared"


class ModalityEncoder(nn.Module):
    """The blocks and the final norm of one modality, or of all."""

    def __init__(self, width: int, *, depth: int, heads: int, hidden: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads=heads, hidden=hidden, dropout=dropout, drop_path=rate, lowering="grouped")
            for rate in drop_path_rates(drop_path, depth)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)


class BottleneckTransformer(nn.Module):
    """Every modality runs its own blocks; from `fusion_layer` on together with the bottleneck tokens.

    All modalities start a layer from the same bottleneck, and the next one is the mean of what they made of it.

    Args:
        width: of every stream.
        modalities, bottleneck: names of the streams.
        depth, heads, hidden: of the blocks; `hidden` is the MLP's width.
        fusion_layer: how many blocks run before the modalities meet.
        shared: one encoder for all modalities.
        dropout, drop_path: regularisation in training.
    """

    def __init__(
        self,
        width: int,
        modalities: Sequence[str],
        bottleneck: str,
        *,
        depth: int,
        heads: int,
        hidden: int,
        fusion_layer: int,
        shared: bool = False,
        dropout: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.modalities, self.bottleneck, self.fusion_layer, self.shared = tuple(modalities), bottleneck, fusion_layer, shared
        self.depth = depth
        self.encoders = nn.ModuleDict(
            {
                parameter_name(name): ModalityEncoder(
                    width, depth=depth, heads=heads, hidden=hidden, dropout=dropout, drop_path=drop_path
                )
                for name in ([SHARED] if shared else self.modalities)
            }
        )
        self.bottleneck_norm = nn.LayerNorm(width, eps=1e-6)
        self.alone_routing = {name: Routing.full({name: [name]}) for name in self.modalities}
        self.fusion_routing = {
            name: Routing.full({reader: [name, bottleneck] for reader in (name, bottleneck)}) for name in modalities
        }
        self.apply(init_transformer)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        """stream -> Tokens (B, N, W), absent ones are not there; returns the same streams."""
        valid = {name: tokens.valid for name, tokens in streams.items()}
        present = [name for name in self.modalities if name in streams]
        x = {name: streams[name].values for name in present}
        latent = streams[self.bottleneck].values if self.bottleneck in streams else None
        encoders = {name: self._encoder(name) for name in present}
        for i in range(self.depth):
            drafts: dict[str, Tensor] = {}
            for name in present:
                block = encoders[name].blocks[i]
                if i < self.fusion_layer or latent is None:
                    x[name] = block({name: x[name]}, self.alone_routing[name], valid)[name]
                else:
                    met = block({name: x[name], self.bottleneck: latent}, self.fusion_routing[name], valid)
                    x[name], drafts[name] = met[name], met[self.bottleneck]
            latent = _mean(drafts, valid, latent) if drafts and latent is not None else latent
        result = {name: streams[name].with_values(encoders[name].norm(x[name])) for name in present}
        if latent is not None:
            result[self.bottleneck] = streams[self.bottleneck].with_values(self.bottleneck_norm(latent))
        return result

    def _encoder(self, name: str) -> ModalityEncoder:
        encoder = self.encoders[parameter_name(SHARED if self.shared else name)]
        assert isinstance(encoder, ModalityEncoder)
        return encoder


def _mean(drafts: Mapping[str, Tensor], valid: Valid, before: Tensor) -> Tensor:
    """Return the mean bottleneck (B, N, W) over the modalities that a sample has; the one before the layer where it has none."""
    if all(valid[name] is None for name in drafts):
        return torch.stack(list(drafts.values())).mean(dim=0)
    present = torch.stack([_presence(valid[name], value) for name, value in drafts.items()])  # (modalities, B)
    weights = present.to(before.dtype)[:, :, None, None]
    mean = (torch.stack(list(drafts.values())) * weights).sum(dim=0) / weights.sum(dim=0).clamp(min=1)
    return torch.where(present.any(dim=0)[:, None, None], mean, before)


def _presence(valid: Tensor | None, like: Tensor) -> Tensor:
    """(B,) whether a sample has any valid token of a stream."""
    return torch.ones(like.shape[0], dtype=torch.bool, device=like.device) if valid is None else valid.any(dim=1)
