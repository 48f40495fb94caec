"""Ways of counting FLOPs by which figures were published, beside the true count of `antifaz check`.

One model, one line for each count:

    python tools/flop_conventions.py models/vatt-base 'inputs.video=[3, 32, 320, 320]'
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from antifaz.analysis.cost import Formulas, attention_operator, forward_flops
from antifaz.core.discovery import discover
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.graph.wiring import Wiring


def vatt_attention(q: Sequence[int], k: Sequence[int], v: Sequence[int], pairs: int, *_: Any, **__: Any) -> int:
    """Count attention as VATT's tables do: 6 for each entry of a matrix, 45 for each number of its tokens, no queries times keys.

    q: (..., N, D) for all samples and heads. pairs: entries of one attention matrix that the routing allows.
    For L layers of H heads and width d on N tokens, beside the patches: L (24 N d^2 + 2 N^2 d) + L (6 N^2 H + 45 N d). Inferred by
    fitting the figures of Akbari et al. 2021 (ours); the product that is missing looks like an einsum that the profiler of the time
    left out.
    """
    matrices, tokens, width = 1, q[-2], q[-1]
    for size in q[:-2]:
        matrices *= size
    return matrices * (2 * pairs * v[-1] + 6 * pairs + 45 * tokens * width)


CONVENTIONS: Mapping[str, Formulas] = {"vatt-paper": {attention_operator(): vatt_attention}}
"""By the names that `published: {counted_by: ...}` has in configs."""


def node_flops(wiring: Wiring, convention: str | None = None) -> dict[str, int]:
    """Count the FLOPs of each node forward, for one sample and every output; truly, or by a convention."""
    formulas = None if convention is None else CONVENTIONS[convention]
    return forward_flops(build_graph(wiring, device="meta"), fake_batch(wiring.inputs, 1, "meta"), list(wiring.nodes), formulas)


if __name__ == "__main__":
    config = read(sys.argv[1], discover(), sys.argv[2:])
    for name in (None, *CONVENTIONS):
        print(f"{sum(node_flops(config.wiring, name).values()):>20,} FLOPs {'truly' if name is None else f'by {name}'}")
