"""Routed attention against its rivals: QKV projection and attention, batch 1, forward and backward, Zorro mask.

1200 audio, 1568 video and 16 fusion tokens, 8 heads of 64. Sides alternate in one run; figures are ratios.
Targets: grouped / unmasked <= share of allowed pairs + 0.15, grouped / dense <= share + 0.10, einsum / grouped >= 3.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import record
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.routing import Routing
from antifaz.layers.attention import attend
from antifaz.layers.transformer import merge_heads, split_heads

LENGTHS = {"audio": 1200, "video": 1568, "fusion": 16}
HEADS, HEAD_WIDTH = 8, 64
ZORRO = Routing.full({"audio": ["audio"], "video": ["video"], "fusion": ["audio", "video", "fusion"]})


def step(
    layer: nn.Module, inputs: dict[str, Tensor], forward: Callable[[dict[str, Tensor]], dict[str, Tensor]]
) -> Callable[[], None]:
    """Forward and backward to the inputs and the projection."""
    leaves = [*inputs.values(), *layer.parameters()]

    def run() -> None:
        total = sum(value.sum() for value in forward(inputs).values())
        assert isinstance(total, Tensor)
        torch.autograd.grad(total, leaves)

    return run


def sides(device: str, dtype: torch.dtype) -> dict[str, Callable[[], None]]:
    width = HEADS * HEAD_WIDTH
    layer = nn.Linear(width, 3 * width).to(device, dtype)
    apart = {name: torch.randn(1, n, width, device=device, dtype=dtype, requires_grad=True) for name, n in LENGTHS.items()}
    packed = {"all": torch.randn(1, sum(LENGTHS.values()), width, device=device, dtype=dtype, requires_grad=True)}
    mask = ZORRO.dense(LENGTHS, LENGTHS).to(device)

    def qkv(x: Tensor) -> list[Tensor]:
        return [split_heads(part, HEADS) for part in layer(x).chunk(3, dim=-1)]

    def routed(lowering: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
        def forward(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
            parts = {name: qkv(x) for name, x in inputs.items()}
            q, k, v = ({name: part[i] for name, part in parts.items()} for i in range(3))
            mixed = attend(q, k, v, ZORRO, lowering=lowering)  # type: ignore[arg-type]
            return {name: merge_heads(x) for name, x in mixed.items()}

        return forward

    def unmasked(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"all": merge_heads(F.scaled_dot_product_attention(*qkv(inputs["all"])))}

    def dense(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"all": merge_heads(F.scaled_dot_product_attention(*qkv(inputs["all"]), attn_mask=mask))}

    def einsum(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        q, k, v = qkv(inputs["all"])
        scores = torch.einsum("bhid,bhjd->bhij", q, k) * HEAD_WIDTH**-0.5
        weights = scores.masked_fill(~mask, -torch.finfo(scores.dtype).max).softmax(dim=-1)
        return {"all": merge_heads(torch.einsum("bhij,bhjd->bhid", weights, v))}

    steps = {
        "unmasked": step(layer, packed, unmasked),
        "grouped": step(layer, apart, routed("grouped")),
        "dense": step(layer, packed, dense),
        "einsum": step(layer, packed, einsum),
    }
    if device == "cuda":
        steps["flex"] = step(layer, apart, routed("flex"))
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    share = ZORRO.allowed_pairs(LENGTHS, LENGTHS) / sum(LENGTHS.values()) ** 2
    figures: dict[str, object] = {"share_of_allowed_pairs": share}
    for dtype in (torch.float32, *((torch.bfloat16,) if options.device == "cuda" else ())):
        times = record.alternate(sides(options.device, dtype), options.repeats, options.device)
        pairs = [("grouped", "unmasked"), ("grouped", "dense"), ("einsum", "grouped")]
        pairs += [("grouped", "flex")] if "flex" in times else []
        ratios = {f"{a} / {b}": record.ratio(times[a], times[b]) for a, b in pairs}
        figures[str(dtype).removeprefix("torch.")] = {"ratios": ratios, "seconds": times}
        print(
            f"{dtype}: share {share:.3f}",
            *(f"{k} {v['median']:.3f} ({v['lowest']:.3f} to {v['highest']:.3f})" for k, v in ratios.items()),
            sep="\n  ",
        )
    config = {"lengths": LENGTHS, "heads": HEADS, "head_width": HEAD_WIDTH, "batch": 1, "repeats": options.repeats}
    print(record.write("attention", options.device, config, figures))


if __name__ == "__main__":
    main()
