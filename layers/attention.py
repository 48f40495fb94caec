"""attend: the one place where routing becomes computation.

Tensors come per stream, so that a stream's arithmetic has the same shapes whether or not other streams run: an audio-only call
equals the audio output of a two-modality call bit for bit.

Lowerings:
    grouped   readers with the same sources form a group; each group is one scaled_dot_product_attention call without a mask
              (a key mask only where `valid` is given, a bias only where one is)
    dense     one call under the dense mask: the reference
    flex      one FlexAttention call under a block mask; compiled on CUDA

Axes: B batch, H heads, R reader tokens, S source tokens, D head width.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from antifaz.core.objectives import at_least_float32, no_autocast
from antifaz.core.routing import Edge, Routing

Lowering = Literal["grouped", "dense", "flex"]
Valid = Mapping[str, Tensor | None]
Bias = Mapping[tuple[str, str], Tensor]
Streams = Mapping[str, Tensor]
listeners: list[Callable[[Streams, Streams, Routing, Streams, Bias], None]] = []
"""Called with queries, keys, routing, validity and bias of every attention call; none but within `antifaz.layers.capture`."""


def attend(
    q: Streams,
    k: Streams,
    v: Streams,
    routing: Routing,
    *,
    valid: Valid | None = None,
    bias: Bias | None = None,
    dropout: float = 0.0,
    lowering: Lowering = "grouped",
) -> dict[str, Tensor]:
    """Compute the attention of every reader to the sources that the routing gives it.

    q: reader -> (B, H, R, D). k, v: source -> (B, H, S, D). Streams that are not there are absent: edges to them vanish, and a
    reader that is left with nothing to read is left out of the result.
    valid: source -> (B, S) bool or None; invalid keys get a weight and a gradient of exactly zero, and a row whose keys are all
    invalid is zero, whatever the lowering. Values must be finite, also where they are invalid.
    bias: (reader, source) -> added to the scores, broadcastable to (B, H, R, S); not with flex.
    dropout: of the attention weights, in training.
    Returns reader -> (B, H, R, D).

    Raises:
        SpecError: a causal edge between streams of different lengths.
        ValueError: keys and values of different streams, or a bias with flex.
    """
    if k.keys() != v.keys():
        raise ValueError(f"keys are given for {sorted(k)}, values for {sorted(v)}")
    present = routing.restrict(k, q)
    present.require_lengths(_lengths(q), _lengths(k))
    marks = {name: mask for name, mask in (valid or {}).items() if mask is not None and name in k}
    for listen in listeners:
        listen(q, k, present, marks, bias or {})
    return _LOWERINGS[lowering](q, k, v, present, marks, bias or {}, dropout)


def attention_weights(q: Streams, k: Streams, routing: Routing, valid: Streams, bias: Bias) -> dict[tuple[str, str], Tensor]:
    """Return the weights of an attention call, after the softmax and before dropout, by the reference formula.

    The arguments are those of `attend`; every reader has something to read. At least float32, whatever autocast says.
    Returns (reader, source) -> (B, H, R, S). Those of a row sum to 1 over all of its sources; a row without valid keys is zero.
    """
    weights = {}
    for reader, row in routing.reads.items():
        sources = [source for source in k if source in row]
        with no_autocast(q[reader]):
            scores_BHRS = at_least_float32(q[reader]) @ at_least_float32(_joined([k[s] for s in sources])).transpose(2, 3)
        scores_BHRS = scores_BHRS * q[reader].shape[3] ** -0.5
        added = _group_bias(q, k, (reader,), sources, bias)
        scores_BHRS = scores_BHRS if added is None else scores_BHRS + added
        allowed = routing.dense(_lengths(q, [reader]), _lengths(k, sources)).to(scores_BHRS.device)[None, None]
        mask = _key_mask(k, sources, valid)
        allowed = allowed if mask is None else allowed & mask[:, None, None, :]
        some = allowed.any(dim=-1, keepdim=True)
        shares = torch.where(some, scores_BHRS.masked_fill(~(allowed | ~some), float("-inf")).softmax(dim=-1), 0.0)
        parts = shares.split([k[source].shape[2] for source in sources], dim=3)
        weights.update({(reader, source): part for source, part in zip(sources, parts, strict=True)})
    return weights


def readable(routing: Routing, streams: Mapping[str, Tensor | None]) -> dict[str, Tensor | None]:
    """Return reader -> (B,) bool, True where a sample has anything valid to read; None where it always has.

    streams: the validity (B, S), or None, of every source that is there.
    """
    result: dict[str, Tensor | None] = {}
    for reader, row in routing.restrict(streams).reads.items():
        masks = [streams[source] for source in row]
        known = [mask.any(dim=1) for mask in masks if mask is not None]
        result[reader] = functools.reduce(torch.logical_or, known) if len(known) == len(masks) else None
    return result


def _grouped(q: Streams, k: Streams, v: Streams, routing: Routing, valid: Streams, bias: Bias, dropout: float) -> dict[str, Tensor]:
    result: dict[str, Tensor] = {}
    for readers, row in routing.groups():
        # Causal sources stand last: where there is one, "all of the others and this up to here" is one lower-right triangle.
        sources = sorted((s for s in k if s in row), key=lambda s: row[s] is Edge.CAUSAL)
        causal = sum(row[source] is Edge.CAUSAL for source in sources)
        packed = (_joined([side[name] for name in names]) for side, names in ((q, readers), (k, sources), (v, sources)))
        mask, added = _key_mask(k, sources, valid), _group_bias(q, k, readers, sources, bias)
        out_BHRD = _call(*packed, key_mask=mask, bias=added, causal=causal, dropout=dropout)
        parts = out_BHRD.split([q[r].shape[2] for r in readers], dim=2) if len(readers) > 1 else (out_BHRD,)
        result.update(zip(readers, parts, strict=True))
    return {reader: result[reader] for reader in routing.readers}


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _key_mask(k: Streams, sources: list[str], valid: Streams) -> Tensor | None:
    """(B, S) validity of the concatenated sources, or None if all are valid."""
    if not any(source in valid for source in sources):
        return None
    return torch.cat(
        [valid[s] if s in valid else k[s].new_ones(k[s].shape[0], k[s].shape[2], dtype=torch.bool) for s in sources], dim=1
    )


def _group_bias(q: Streams, k: Streams, readers: tuple[str, ...], sources: list[str], bias: Bias) -> Tensor | None:
    if not any((r, s) in bias for r in readers for s in sources):
        return None
    if len(readers) == len(sources) == 1:  # as it was given: nothing is copied for every sample
        return bias[readers[0], sources[0]]

    def block(reader: str, source: str) -> Tensor:
        batch, heads, rows, _ = q[reader].shape
        size = (batch, heads, rows, k[source].shape[2])
        return bias[reader, source].expand(size) if (reader, source) in bias else q[reader].new_zeros(()).expand(size)

    return torch.cat([torch.cat([block(r, s) for s in sources], dim=3) for r in readers], dim=2)


def _call(
    q_BHRD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, *, key_mask: Tensor | None, bias: Tensor | None, causal: int, dropout: float
) -> Tensor:
    """Compute one attention call. Rows without a valid key read everything and are then set to zero, so that nothing is ever NaN.

    causal: how many sources, of R tokens each and at the end, are read causally.
    """
    rows, columns = q_BHRD.shape[2], k_BHSD.shape[2]
    if key_mask is None and bias is None and causal <= 1:
        if not causal:
            return _fused(q_BHRD, k_BHSD, v_BHSD, dropout_p=dropout)
        if rows == columns:
            return _fused(q_BHRD, k_BHSD, v_BHSD, dropout_p=dropout, is_causal=True)
        triangle = _triangle(rows, columns, q_BHRD.device)
        return _fused(q_BHRD, k_BHSD, v_BHSD, attn_mask=triangle, dropout_p=dropout)
    allowed: Tensor | None = None
    if causal:
        everything = torch.ones(rows, columns, dtype=torch.bool, device=q_BHRD.device)
        free, *triangles = everything.split([columns - causal * rows, *[rows] * causal], dim=1)
        allowed = torch.cat([free, *(triangle.tril() for triangle in triangles)], dim=1)[None, None]
    if key_mask is not None:
        keys_B11S = key_mask[:, None, None, :]
        allowed = keys_B11S if allowed is None else allowed & keys_B11S
    return _masked(q_BHRD, k_BHSD, v_BHSD, allowed, bias, dropout)


ALIGNED = 8
"""Head widths that CUDA's fused kernels take are multiples of this; others fall back to weights of R x S, kept for backward."""


def _fused(q_BHRD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, *, align: int | None = None, **options: Any) -> Tensor:
    """One kernel call. On CUDA odd head widths (261 channels of a pixel) are filled up with zeros, which add nothing to any sum.

    align: multiple to fill up to, default that of the device.
    """
    step = align or (ALIGNED if q_BHRD.is_cuda else 1)
    width, out_width = q_BHRD.shape[3], v_BHSD.shape[3]
    if width % step == 0 and out_width % step == 0:
        return F.scaled_dot_product_attention(q_BHRD, k_BHSD, v_BHSD, **options)
    q_BHRD, k_BHSD = F.pad(q_BHRD, (0, -width % step)), F.pad(k_BHSD, (0, -width % step))
    v_BHSD = F.pad(v_BHSD, (0, -out_width % step))
    return F.scaled_dot_product_attention(q_BHRD, k_BHSD, v_BHSD, scale=width**-0.5, **options)[..., :out_width]


def _triangle(rows: int, columns: int, device: torch.device) -> Tensor:
    """The lower-right triangle as a symbol that kernels know; on the meta device, where counting modes cannot hold it, a mask."""
    if device.type == "meta":
        mask = torch.ones(rows, columns, dtype=torch.bool, device=device).tril(columns - rows)
        mask.lower_right = True  # type: ignore[attr-defined]
        return mask
    return causal_lower_right(rows, columns)


def is_triangle(mask: Tensor | None) -> bool:
    """Return True for the lower-right triangle on the meta device, where masks hold no values."""
    return getattr(mask, "lower_right", False)


def _masked(q_BHRD: Tensor, k_BHSD: Tensor, v_BHSD: Tensor, allowed: Tensor | None, bias: Tensor | None, dropout: float) -> Tensor:
    """Attention under a mask broadcastable to (B, 1, R, S); rows with nothing allowed are exactly zero, also backward."""
    if allowed is None:
        return _fused(q_BHRD, k_BHSD, v_BHSD, attn_mask=bias, dropout_p=dropout)
    some = allowed.any(dim=-1, keepdim=True)
    mask = allowed | ~some
    if bias is not None:
        mask = bias.masked_fill(~mask, float("-inf"))
    out_BHRD = _fused(q_BHRD, k_BHSD, v_BHSD, attn_mask=mask, dropout_p=dropout)
    return torch.where(some, out_BHRD, 0.0)


def _lengths(tensors: Mapping[str, Tensor], names: Iterable[str] | None = None) -> dict[str, int]:
    return {name: tensors[name].shape[2] for name in (tensors if names is None else names)}


def _packed(q: Streams, k: Streams, v: Streams, routing: Routing) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    sources = [name for name in k if name in set(routing.sources)]
    return _joined([q[r] for r in routing.readers]), _joined([k[s] for s in sources]), _joined([v[s] for s in sources]), sources


def _dense(q: Streams, k: Streams, v: Streams, routing: Routing, valid: Streams, bias: Bias, dropout: float) -> dict[str, Tensor]:
    q_BHRD, k_BHSD, v_BHSD, sources = _packed(q, k, v, routing)
    reader_lengths, source_lengths = _lengths(q, routing.readers), _lengths(k, sources)
    allowed = routing.dense(reader_lengths, source_lengths).to(q_BHRD.device)[None, None]
    key_mask = _key_mask(k, sources, valid)
    if key_mask is not None:
        allowed = allowed & key_mask[:, None, None, :]
    out = _masked(q_BHRD, k_BHSD, v_BHSD, allowed, _group_bias(q, k, routing.readers, sources, bias), dropout)
    return dict(zip(routing.readers, out.split(list(reader_lengths.values()), dim=2), strict=True))


def _flex(q: Streams, k: Streams, v: Streams, routing: Routing, valid: Streams, bias: Bias, dropout: float) -> dict[str, Tensor]:
    if bias or dropout:
        raise ValueError("the flex lowering has no bias and no dropout of weights; use grouped")
    q_BHRD, k_BHSD, v_BHSD, sources = _packed(q, k, v, routing)
    reader_lengths, source_lengths = _lengths(q, routing.readers), _lengths(k, sources)
    device = q_BHRD.device
    if device.type == "meta":  # where FlexAttention does not exist, and shapes are all there is
        return _grouped(q, k, v, routing, valid, bias, dropout)
    allowed_RS = torch.tensor([[s in routing.reads[r] for s in sources] for r in routing.readers], device=device)
    causal_RS = torch.tensor([[routing.reads[r].get(s) is Edge.CAUSAL for s in sources] for r in routing.readers], device=device)
    reader_id, reader_position = _places(reader_lengths, device)
    source_id, source_position = _places(source_lengths, device)
    key_mask = _key_mask(k, sources, valid)
    batch = None if key_mask is None else q_BHRD.shape[0]
    keys = torch.ones(1, k_BHSD.shape[2], dtype=torch.bool, device=device) if key_mask is None else key_mask

    def may_read(b: Tensor, h: Tensor, row: Tensor, column: Tensor) -> Tensor:
        edge = reader_id[row], source_id[column]
        in_time = ~causal_RS[edge] | (source_position[column] <= reader_position[row])
        return allowed_RS[edge] & in_time & keys[b if key_mask is not None else 0, column]

    block_mask = create_block_mask(may_read, batch, None, q_BHRD.shape[2], k_BHSD.shape[2], device=str(device))
    out: Tensor = _flex_call(device.type)(q_BHRD, k_BHSD, v_BHSD, block_mask=block_mask)
    if key_mask is not None:
        dense = routing.dense(reader_lengths, source_lengths).to(device)
        some_BR = (dense[None].float() @ key_mask[:, :, None].float()).squeeze(-1) > 0
        out = torch.where(some_BR[:, None, :, None], out, 0.0)
    return dict(zip(routing.readers, out.split(list(reader_lengths.values()), dim=2), strict=True))


def _places(lengths: Mapping[str, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the number of its stream, and its place within it, for every token."""
    sizes = torch.tensor(list(lengths.values()))
    ids = torch.repeat_interleave(torch.arange(len(lengths)), sizes)
    positions = torch.cat([torch.arange(n) for n in lengths.values()])
    return ids.to(device), positions.to(device)


@functools.cache
def _flex_call(device: str) -> Callable[..., Any]:
    """Compiled where the kernel exists; elsewhere eager, which is a reference and not fast."""
    return torch.compile(flex_attention, dynamic=False) if device == "cuda" else flex_attention


_LOWERINGS: Mapping[str, Callable[..., dict[str, Tensor]]] = {"grouped": _grouped, "dense": _dense, "flex": _flex}
