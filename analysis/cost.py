"""The cost of a graph and of a training step, counted on the meta device: nothing is computed, and no memory is taken.

Convention: a multiply and an add are 2 FLOPs; matrix products, convolutions and attention count, element-wise work does not.
Attention counts by the pairs that the routing allows: 4 x pairs x head width forward, twice that backward. Memory is what autograd
keeps between forward and backward, as with a fused attention kernel, which keeps no weights of attention.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode, register_flop_formula

from antifaz.core.graph.module import Graph
from antifaz.core.graph.wire import BATCH
from antifaz.core.tokens import Features
from antifaz.layers.attention import is_triangle

Formulas = Mapping[Any, Callable[..., int]]
"""Operator -> its FLOPs, in the form of `torch.utils.flop_counter`: called with shapes in place of tensors."""


@torch.library.custom_op("antifaz::attention", mutates_args=())
def _attention(q: Tensor, k: Tensor, v: Tensor, pairs: int) -> Tensor:
    """Stand for one attention call over (..., R, D), (..., S, D) in which each head of each sample has so many pairs."""
    raise NotImplementedError("for counting on the meta device")


@torch.library.custom_op("antifaz::attention_backward", mutates_args=())
def _attention_backward(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, pairs: int) -> tuple[Tensor, Tensor, Tensor]:
    raise NotImplementedError("for counting on the meta device")


@_attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, pairs: int) -> Tensor:
    return q.new_empty((*q.shape[:-1], v.shape[-1]))


@_attention_backward.register_fake
def _(grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, pairs: int) -> tuple[Tensor, Tensor, Tensor]:
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    q, k, v, pairs = inputs
    ctx.save_for_backward(q, k, v, output)
    ctx.pairs = pairs


def _back(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, out = ctx.saved_tensors
    return (*torch.ops.antifaz.attention_backward(grad, q, k, v, out, ctx.pairs), None)


_attention.register_autograd(_back, setup_context=_keep)


@register_flop_formula(torch.ops.antifaz.attention)
def _forward_flops(q: Sequence[int], k: Sequence[int], v: Sequence[int], pairs: int, *_: Any, **__: Any) -> int:
    return 2 * _heads(q) * pairs * (q[-1] + v[-1])


@register_flop_formula(torch.ops.antifaz.attention_backward)
def _backward_flops(grad: Any, q: Sequence[int], k: Any, v: Sequence[int], out: Any, pairs: int, *_: Any, **__: Any) -> int:
    return 4 * _heads(q) * pairs * (q[-1] + v[-1])


def _heads(shape: Sequence[int]) -> int:
    """Return the number of heads times samples of (..., R, D)."""
    count = 1
    for size in shape[:-2]:
        count *= size
    return count


class _CountedAttention(TorchFunctionMode):
    """Sends attention calls on the meta device to the operator above."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        given = dict(zip(("query", "key", "value", "attn_mask", "dropout_p", "is_causal"), args, strict=False)) | kwargs
        q, k, v, mask = given["query"], given["key"], given["value"], given.get("attn_mask")
        if not q.is_meta:
            return func(*args, **kwargs)
        rows, columns = q.shape[-2], k.shape[-2]
        pairs = rows * columns  # kernels compute what a mask forbids, but for triangles
        if given.get("is_causal"):  # row i reads columns 0 to i
            whole = min(rows, columns)
            pairs = whole * (whole + 1) // 2 + (rows - whole) * columns
        elif is_triangle(mask):  # the last row reads everything
            pairs -= rows * (rows - 1) // 2
        return torch.ops.antifaz.attention(q, k, v, pairs)


def attention_operator() -> Any:
    """Return the operator that stands for attention, for formulas that count it otherwise.

    Its formula is called with the shapes (..., R, D) of queries, (..., S, D) of keys and of values, and the number of query-key
    pairs of each head of each sample.
    """
    return torch.ops.antifaz.attention


@contextmanager
def counting(formulas: Formulas | None = None) -> Iterator[FlopCounterMode]:
    """Count the FLOPs of everything that runs on the meta device inside; operators with a formula count by it."""
    with FlopCounterMode(display=False, custom_mapping=dict(formulas or {})) as counter, _CountedAttention():
        yield counter


def forward_flops(
    graph: Graph, batch: Mapping[str, Features], outputs: Sequence[str], formulas: Formulas | None = None
) -> dict[str, int]:
    """Count the FLOPs of each node for these outputs, in evaluation mode. The graph and the batch are on the meta device."""
    graph.eval()
    with counting(formulas) as counter:
        graph(batch, outputs)
    counts = counter.get_flop_counts()
    return {name: sum(counts.get(f"Graph.{name}", {}).values()) for name in graph.wiring.nodes}


class OutputFlops:
    """FLOPs of single outputs of a graph on the meta device: each node is run once for each way in which it is asked.

    batch: of one sample, on the meta device.
    """

    def __init__(self, graph: Graph, batch: Mapping[str, Features]) -> None:
        self.graph, self.batch = graph.eval(), batch
        self.values = graph(batch, list(graph.wiring.nodes))
        self.known: dict[tuple[str, frozenset[str], frozenset[str]], int] = {}

    def __call__(self, reference: str) -> int:
        plan = self.graph.wiring.needed_for(self.graph.wiring.resolve(reference))
        return sum(self._of_node(name, asked, keys) for name, (asked, keys) in plan.items())

    def _of_node(self, name: str, asked: frozenset[str], keys: frozenset[str]) -> int:
        if (name, asked, keys) not in self.known:
            node = self.graph.wiring.nodes[name]
            arriving = {
                w.key: self.batch[w.output] if w.node == BATCH else self.values[w.reference] for w in node.wires if w.key in keys
            }
            with counting() as counter:
                if arriving or not node.wires:  # a node to which nothing arrives does not run
                    self.graph.run_node(node, arriving, asked, 1)
            self.known[name, asked, keys] = counter.get_total_flops()
        return self.known[name, asked, keys]


@attrs.frozen
class StepCost:
    """One optimisation step at the batch size of its stage.

    flops: forward and backward. activations: bytes that autograd keeps. state: bytes of weights, gradients and moments.
    """

    batch_size: int
    flops: int
    activations: int
    state: int


def step_cost(model: nn.Module, batch: Mapping[str, Features], moments: int) -> StepCost:
    """Count the cost of a step of a TrainingModel in float32; model and batch are on the meta device.

    moments: numbers that the optimiser keeps for each parameter.
    """
    model.train()
    kept: dict[int, int] = {}
    owned = {p.untyped_storage()._cdata for p in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in owned:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with counting() as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            losses = model(batch)
        terms = [term.total for loss in losses.values() for term in loss.terms.values()]
        total = sum(term for term in terms if isinstance(term, Tensor) and term.requires_grad)
        if isinstance(total, Tensor):
            total.backward()  # type: ignore[no-untyped-call]
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.grad is not None)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    size = next(iter(batch.values())).values.shape[0]
    return StepCost(size, counter.get_total_flops(), sum(kept.values()), weights + (1 + moments) * trained)
