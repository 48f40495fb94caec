"""From an experiment to modules: the graph of a stage with its weights, and the loss terms on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from antifaz.core.experiment import ObjectiveEntry, Sink
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph
from antifaz.core.objectives import Loss, Objective, reduce
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features
from antifaz.engine.contract.results import require_losses
from antifaz.registry import Location
from antifaz.registry.patterns import matches


def objective_module(sink: Sink[ObjectiveEntry]) -> Objective:
    module: Objective = sink.entry.spec.build(sink.groups)  # type: ignore[assignment]
    return module


def is_frozen(name: str, patterns: Sequence[str]) -> bool:
    """Return True if one of these patterns stands for the parameter or sub-module of this full name."""
    return any(matches(pattern, name) for pattern in patterns)


class TrainingModel(nn.Module):
    """The graph and its objectives as one module: a batch in, every term's Loss out. Terms of weight 0 are left out."""

    def __init__(self, graph: Graph, sinks: Mapping[str, Sink[ObjectiveEntry]]) -> None:
        super().__init__()
        self.graph = graph
        self.sinks = {name: sink for name, sink in sinks.items() if sink.entry.weight}
        self.objectives = nn.ModuleList([objective_module(sink) for sink in self.sinks.values()])
        self.wanted = list(dict.fromkeys(reference for sink in self.sinks.values() for reference in sink.references))

    def forward(self, batch: Mapping[str, Features]) -> dict[str, Loss]:
        values = {key: value for key, value in self.graph(batch, self.wanted).items() if isinstance(value, Features)}
        losses = {}
        for (name, sink), objective in zip(self.sinks.items(), self.objectives, strict=True):
            losses[name] = objective(**{argument: sink.pick(values, argument) for argument in sink.wires})
        return losses

    def loss(self, batch: Mapping[str, Features]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted loss of a batch, for `backward`, and its figures by name, detached (see `core.objectives.reduce`)."""
        return reduce(self(batch), {name: sink.entry.weight for name, sink in self.sinks.items()})

    def train_except(self, frozen: Sequence[str]) -> None:
        """Put everything into training mode but what these patterns freeze as a whole, which runs as in evaluation.

        That is each sub-module that a pattern stands for, and each of which all parameters are frozen, its own or shared ones.
        """
        self.train()
        held = {id(weight) for name, weight in self.named_weights().items() if is_frozen(name, frozen)}
        for name, module in self.named_parts().items():
            weights = list(map(id, module.parameters()))
            if is_frozen(name, frozen) or (weights and held.issuperset(weights)):
                module.eval()

    def named_parts(self) -> dict[str, nn.Module]:
        """Return every sub-module below the names of `named_weights`: nodes, objectives, and all within them."""
        parts = {name: module for name, module in self.graph.named_modules() if name}
        for name, objective in zip(self.sinks, self.objectives, strict=True):
            parts.update({f"objectives.{name}{'.' * bool(n)}{n}": module for n, module in objective.named_modules()})
        return parts

    def named_weights(self) -> dict[str, nn.Parameter]:
        """Return every parameter once: the graph's by its owner's name, the objectives' under `objectives.`."""
        aliases = self.graph.aliases
        named = {n: p for n, p in self.graph.named_parameters(remove_duplicate=False) if n not in aliases}
        for name, objective in zip(self.sinks, self.objectives, strict=True):
            named.update({f"objectives.{name}.{n}": p for n, p in objective.named_parameters()})
        return named


def trainable_parameters(
    model: TrainingModel, shapes: Mapping[str, Shape], locate: Callable[[str], Location] | None = None
) -> set[str]:
    """Name the parameters that receive a gradient from the objectives, found on the meta device at no cost.

    model: on the meta device. shapes: of the stage's own data. locate: where the config has an objective of this name.

    Raises:
        ComponentError: an objective that returns no loss.
    """
    losses = model(fake_batch(shapes, 2, "meta"))
    require_losses(losses, model.sinks, locate)
    total = sum(term.total for loss in losses.values() for term in loss.terms.values())
    reached: set[int] = set()
    pending = [total.grad_fn] if isinstance(total, Tensor) else []
    seen = set()
    while pending:
        function = pending.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        variable = getattr(function, "variable", None)
        if variable is not None:
            reached.add(id(variable))
        pending += [following for following, _ in function.next_functions]
    return {name for name, parameter in model.named_weights().items() if id(parameter) in reached}
