"""Intermediate values on request: the streams that leave any module of a graph, and the weights of its attention.

    with capture(graph, ["encoder.blocks.0-5", "**.attention"]) as captured:
        graph(batch, ["labels"])
    captured["encoder.blocks.0"].streams["audio"]  # (B, N, W)
    captured["encoder.blocks.0.attention"].attention["fusion", "audio"]  # (B, H, R, S)

Outside of it nothing is computed or kept. Axes: B batch, N tokens, W width, H heads, R reader tokens, S source tokens. Where a
layer folds windows, groups or `batch_axes` into the batch, B is as the layer sees it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.routing import Routing
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import SpecError, nearest
from antifaz.registry.patterns import matches

from .attention import Bias, Streams, attention_weights, listeners

OUTPUT = "output"
"""The name of what leaves a module that returns a bare value."""
SHOWN = 8
"""Names that a message lists."""


@dataclass
class Captured:
    """What one call of a module computed.

    streams: what left it, by name; `output` for a bare value.
    attention: (reader, source) -> (B, H, R, S), of the attention that the module computes itself, not of modules within it: after
    the softmax, before dropout, in at least float32. A row sums to 1 over all of its sources.
    """

    streams: dict[str, Tensor] = field(default_factory=dict)
    attention: dict[tuple[str, str], Tensor] = field(default_factory=dict)


@contextmanager
def capture(model: nn.Module, patterns: Sequence[str], *, gradients: bool = False) -> Iterator[dict[str, Captured]]:
    """Keep intermediate values of a graph while it runs. Compiled modules run eagerly within it; no value changes.

    model: a graph, or what holds one: a training model, also wrapped or compiled. Any other module stands for itself.
    patterns: of dotted names of modules (`antifaz.registry.patterns`), of each module itself and not of those below it;
    `capturable` lists them.
    gradients: keep the values in the graph of gradients, for a loss on them; default detached.

    Yields name -> what the module computed in the latest forward pass, filled as it runs. A module that is called several times in
    a pass has `NAME`, `NAME@2`, `NAME@3`, ...

    Raises:
        SpecError: a pattern for which no module stands.
    """
    root = graph_of(model)
    require_known(root, patterns)
    patterns = [_without_call(pattern) for pattern in patterns]
    recorder = _Recorder(patterns, gradients=gradients)
    with ExitStack() as stack:
        for name, module in root.named_modules():
            stack.callback(module.register_forward_pre_hook(recorder.entering(name)).remove)
            stack.callback(module.register_forward_hook(recorder.leaving(name), always_call=True).remove)
        listeners.append(recorder.listen)
        stack.callback(listeners.remove, recorder.listen)
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield recorder.captured


def capturable(graph: Graph) -> dict[str, Captured]:
    """Return what `capture` can give of a graph, by the names of its modules: values on the meta device, which have shapes alone.

    It runs a copy of the graph that needs no memory, on all entries of the data, in evaluation.
    """
    shadow = build_graph(graph.wiring, device="meta").eval()
    with torch.no_grad(), capture(shadow, ["**"]) as captured:
        shadow(fake_batch(graph.wiring.inputs, 2, "meta"), list(graph.wiring.nodes))
    return captured


def graph_of(model: nn.Module) -> nn.Module:
    """Return the graph that a model is or holds, or the module itself."""
    return next((module for module in model.modules() if isinstance(module, Graph)), model)


def require_known(model: nn.Module, patterns: Sequence[str]) -> None:
    """Refuse patterns for which no module stands.

    Raises:
        SpecError: with the nearest name.
    """
    names = [name for name, _ in graph_of(model).named_modules() if name]
    for pattern in map(_without_call, patterns):
        if not any(matches(pattern, name, whole=True) for name in names):
            near = nearest(pattern, names)
            below = [name for name in names if matches(pattern.partition(".")[0], name)] or [n for n in names if "." not in n]
            listing = ", ".join(below[:SHOWN]) + (", ..." if len(below) > SHOWN else "")
            hint = f"{f'did you mean {near!r}? ' if near else ''}there are {listing}; `antifaz.capturable(graph)` lists all"
            raise SpecError(f"no module of the graph is called {pattern!r}", field="capture", hint=hint)


def _without_call(pattern: str) -> str:
    """`NAME@2`, as `capturable` lists it, stands for every call of the module."""
    return pattern.partition("@")[0]


class _Recorder:
    """Follows which module runs, and keeps what the wanted ones compute."""

    def __init__(self, patterns: Sequence[str], *, gradients: bool) -> None:
        self.patterns, self.gradients = patterns, gradients
        self.captured: dict[str, Captured] = {}
        self.running: list[tuple[str, Captured | None]] = []

    def entering(self, name: str) -> Any:
        """The hook that is called before a module. name: "" for the root, with which a forward pass begins."""
        wanted = bool(name) and any(matches(pattern, name, whole=True) for pattern in self.patterns)

        def hook(module: nn.Module, arguments: Any) -> None:
            if not name:
                self.captured.clear()
                self.running.clear()
            # Outside of a pass, as where checkpointed activations are computed again, nothing is kept.
            kept = Captured() if wanted and self.running else None
            if kept is not None:
                calls = 1 + sum(key.partition("@")[0] == name for key in self.captured)
                self.captured[name if calls == 1 else f"{name}@{calls}"] = kept
            if not name or self.running:
                self.running.append((name, kept))

        return hook

    def leaving(self, name: str) -> Any:
        """The hook that is called after a module, also after one that failed."""

        def hook(module: nn.Module, arguments: Any, output: Any) -> None:
            if self.running and self.running[-1][0] == name:
                _, kept = self.running.pop()
                if kept is not None:
                    kept.streams.update({key: self._kept(value) for key, value in _tensors(output).items()})

        return hook

    def listen(self, q: Streams, k: Streams, routing: Routing, valid: Streams, bias: Bias) -> None:
        """Called by every attention call, in the module that runs at the moment."""
        kept = self.running[-1][1] if self.running else None
        if kept is not None:
            with torch.set_grad_enabled(self.gradients and torch.is_grad_enabled()):
                kept.attention.update(attention_weights(q, k, routing, valid, bias))

    def _kept(self, value: Tensor) -> Tensor:
        return value if self.gradients else value.detach()


def _tensors(output: Any) -> dict[str, Tensor]:
    """The tensors of what a module returns, by name."""
    if isinstance(output, Tokens | Features):
        return {OUTPUT: output.values}
    if isinstance(output, Tensor):
        return {OUTPUT: output}
    if isinstance(output, Mapping):
        parts = {str(key): _tensors(value) for key, value in output.items()}
    elif isinstance(output, tuple | list):
        parts = {str(i): _tensors(value) for i, value in enumerate(output)}
    else:
        return {}
    return {key if name == OUTPUT else f"{key}.{name}": value for key, part in parts.items() for name, value in part.items()}
