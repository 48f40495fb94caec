"""Which parameters of a training stage train, and how fast: the patterns of its options, held against the names of a model.

Sources: layer-wise decay of the learning rate as for fine-tuning BEiT (Bao et al. 2022) and MAE (He et al. 2022): of n blocks,
what comes before them has layer 0, block i (from 0) layer i + 1, what comes after them layer n + 1, and a layer l the factor
decay^(n + 1 - l).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.graph.module import build_graph
from antifaz.registry import ConfigError, KeyPath, Problem, suggest
from antifaz.registry.patterns import matches

from .model import TrainingModel


def layer_factors(model: TrainingModel, layer_decay: Mapping[str, float]) -> dict[str, float]:
    """Return the factor of the learning rate of each parameter, by its full name, that follows from the depth at which it stands.

    layer_decay: the decay of each list of blocks, by the list's full name. Factors of several lists multiply.
    """
    factors = dict.fromkeys(model.named_weights(), 1.0)
    for blocks, decay in layer_decay.items():
        for name, layers in _layers_above(model, blocks).items():
            factors[name] *= decay**layers
    return factors


def _layers_above(model: TrainingModel, blocks: str) -> dict[str, int]:
    """Count the layers above each parameter of a list of blocks (n - i in block i of n), and of what comes before it (n + 1).

    Before it: what its node's module holds ahead of the list (position tables, class tokens), and all nodes upstream.
    """
    node = blocks.partition(".")[0]
    count = len(block_lists(model)[blocks])
    upstream = _upstream(model, node)
    layers, passed = {}, False
    for name in model.named_weights():
        owner = name.partition(".")[0]
        if name.startswith(f"{blocks}."):
            passed = True
            layers[name] = count - int(name.removeprefix(f"{blocks}.").partition(".")[0])
        elif owner in upstream or (owner == node and not passed):
            layers[name] = count + 1
    return layers


def _upstream(model: TrainingModel, node: str) -> set[str]:
    """Return the nodes whose weights are used on the way to a node, or to one that shares its weights, without that node."""
    nodes = model.graph.wiring.nodes
    pending = [name for name, each in nodes.items() if node in (name, each.plan.share)]
    reached: set[str] = set()
    while pending:
        feeding = {wire.node for wire in nodes[pending.pop()].wires if wire.node in nodes} - reached
        reached |= feeding
        pending += feeding
    return {nodes[name].plan.share or name for name in reached} - {node}


def block_lists(model: TrainingModel) -> dict[str, nn.ModuleList | nn.Sequential]:
    """Return the numbered lists of sub-modules of the graph's nodes, by full name."""
    return {
        name: module
        for name, module in model.graph.named_modules()
        if isinstance(module, nn.ModuleList | nn.Sequential) and len(module)
    }


def require_known_parameters(experiment: Experiment, stages: Iterable[str]) -> None:
    """Refuse stages with an option that stands for no parameter of their model, before anything is trained.

    Raises:
        ConfigError: with every such pattern, located.
    """
    problems: list[Problem] = []
    for name in stages:
        stage = experiment.stages[name]
        if isinstance(stage, TrainStage) and any((stage.freeze, stage.lr_scale, stage.weight_decay, stage.layer_decay)):
            model = TrainingModel(build_graph(experiment.wirings[name], device="meta"), experiment.sinks[name]).to("meta")
            problems += pattern_problems(experiment, name, stage, model)
    if problems:
        raise ConfigError(problems)


def pattern_problems(experiment: Experiment, name: str, stage: TrainStage, model: TrainingModel) -> list[Problem]:
    """List the patterns of a stage's options that no parameter matches, and the lists of blocks that are none."""
    weights, modules = list(model.named_weights()), model.named_parts()
    parts = [*weights, *modules]
    problems = []
    for path, pattern in _patterns(stage):
        held = [module for each, module in modules.items() if matches(pattern, each)] if path[0] == "freeze" else []
        without_weights = held and not any(next(module.parameters(), None) is not None for module in held)
        if not without_weights and not any(matches(pattern, each) for each in weights):
            message = f"{pattern!r} stands for no parameter of stage {name!r}"
            where = experiment.document.location(("stages", name, *path))
            problems.append(Problem(message, where, _nearest_names(pattern, parts)))
    lists = block_lists(model)
    for blocks in stage.layer_decay:
        if blocks not in lists or not any(each.startswith(f"{blocks}.") for each in weights):
            where = experiment.document.location(("stages", name, "layer_decay", blocks))
            message = f"{blocks!r} is no list of blocks of stage {name!r}"
            problems.append(Problem(message, where, suggest(blocks, list(lists), noun="lists")))
    return problems


def _patterns(stage: TrainStage) -> Iterator[tuple[KeyPath, str]]:
    """Yield the patterns of parameters that a stage has, each with its place in the stage."""
    yield from ((("freeze", i), pattern) for i, pattern in enumerate(stage.freeze))
    options: dict[str, Mapping[str, Any]] = {"lr_scale": stage.lr_scale, "weight_decay": stage.weight_decay}
    for option, patterns in options.items():
        yield from (((option, pattern), pattern) for pattern in patterns)


def _nearest_names(pattern: str, names: Iterable[str]) -> str:
    """Return the hint for a pattern that matches nothing: what stands where its first part without a match does."""
    parts = pattern.removeprefix("**.").split(".")
    known = [name.split(".") for name in names]
    if pattern.startswith("**."):
        return suggest(parts[0], sorted({part for name in known for part in name if not part.isdecimal()}), noun="parts of names")
    for depth in reversed(range(1, len(parts))):
        above = ".".join(parts[:depth])
        below = {name[depth] for name in known if len(name) > depth and matches(above, ".".join(name))}
        if below:
            return suggest(parts[depth], sorted(below), noun=f"parts of {above!r}")
    return suggest(parts[0], sorted({name[0] for name in known}), noun="nodes")
