"""From an experiment to modules: the graph of a stage with its weights, and the loss terms on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from antifaz.core.experiment import ObjectiveEntry, argument_groups, arguments
from antifaz.core.graph.graph import Graph
from antifaz.core.graph.wiring import In, Wiring
from antifaz.core.objectives import Loss, Objective
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import ConfigError, Problem, SpecError


def build_graph(wiring: Wiring, *, seed: int = 0, device: str | torch.device = "cpu") -> Graph:
    """The graph with fresh weights. They are drawn on the CPU whatever the device, so that a seed means one model.

    device: `meta` gives shapes without storage.
    Raises:
        ConfigError: a component that cannot be built, a `share` or `tie` that does not fit.
    """
    where = "meta" if str(device) == "meta" else "cpu"
    try:
        with torch.device(where):
            graph = Graph(wiring, seed=seed)
    except SpecError as error:
        where_written = wiring.locate(tuple((error.field or "").split(".")))
        raise ConfigError([Problem(error.message, where_written, error.hint)]) from None
    return graph.to(device)


class Inputs:
    """The edges that feed the arguments of an objective or metric."""

    def __init__(self, spec: Any, in_: In, wiring: Wiring) -> None:
        self.wires = arguments(spec, in_, wiring)
        self.groups = argument_groups(spec, in_, wiring)

    @property
    def references(self) -> list[str]:
        """What the graph must compute; entries of the data come with the batch."""
        return [wire.reference for wires in self.wires.values() for wire in wires]

    def pick(self, values: Mapping[str, Tokens | Features], argument: str) -> dict[str, Features]:
        """The group of one argument out of what the graph returned; absent members are left out."""
        found = {w.key: values[w.reference] for w in self.wires[argument] if w.reference in values}
        return {key: value for key, value in found.items() if isinstance(value, Features)}


def objective_module(entry: ObjectiveEntry, inputs: Inputs) -> Objective:
    module: Objective = entry.objective.build(inputs.groups)  # type: ignore[assignment]
    return module


class TrainingModel(nn.Module):
    """The graph and its objectives as one module: a batch in, every term's Loss out. Terms of weight 0 are left out."""

    def __init__(self, graph: Graph, entries: Mapping[str, ObjectiveEntry]) -> None:
        super().__init__()
        self.graph = graph
        entries = {name: entry for name, entry in entries.items() if entry.weight}
        self.inputs = {name: Inputs(entry.objective, entry.in_, graph.wiring) for name, entry in entries.items()}
        self.objectives = nn.ModuleList([objective_module(entry, self.inputs[name]) for name, entry in entries.items()])
        self.wanted = list(dict.fromkeys(r for inputs in self.inputs.values() for r in inputs.references))

    def forward(self, batch: Mapping[str, Features]) -> dict[str, Loss]:
        values = self.graph(batch, self.wanted)
        losses = {}
        for (name, inputs), objective in zip(self.inputs.items(), self.objectives, strict=True):
            losses[name] = objective(**{argument: inputs.pick(values, argument) for argument in inputs.wires})
        return losses

    def named_weights(self) -> dict[str, nn.Parameter]:
        """Every parameter once: the graph's by its owner's name, the objectives' under `objectives.`."""
        aliases = self.graph.aliases
        named = {n: p for n, p in self.graph.named_parameters(remove_duplicate=False) if n not in aliases}
        for name, objective in zip(self.inputs, self.objectives, strict=True):
            named.update({f"objectives.{name}.{n}": p for n, p in objective.named_parameters()})
        return named


def stand_in(
    shapes: Mapping[str, Shape], batch: int, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> dict[str, Features]:
    """A batch of random values in the declared shapes; integers are drawn below their declared number of values, or else below 2.

    dtype: of the floating-point entries, default their own.
    """
    entries = {}
    for name, shape in shapes.items():
        own: torch.dtype = getattr(torch, shape.dtype)
        size = (batch, *shape.dims)
        if str(device) == "meta":
            values = torch.empty(size, dtype=own, device="meta")
        elif own.is_floating_point:
            values = torch.randn(size, dtype=dtype or own, device=device)
        else:
            values = torch.randint(0, shape.bound, size, device=device).to(own)
        entries[name] = Features(values)
    return entries


def class_out_of_range(values: Tensor, shape: Shape) -> int | None:
    """A class number among these that names none of the declared classes; None where all do, or they are shares of classes."""
    if not shape.classes or values.is_floating_point() or shape.dims:
        return None
    wrong = values[(values < 0) | (values >= len(shape.classes))]
    return int(wrong[0]) if len(wrong) else None


def parameters_reached(model: TrainingModel, shapes: Mapping[str, Shape]) -> set[str]:
    """Names of the parameters that get a gradient from the objectives, found on the meta device at no cost.

    model: on the meta device. shapes: of the stage's own data.
    """
    losses = model(stand_in(shapes, 2, "meta"))
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
