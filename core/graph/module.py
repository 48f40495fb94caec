"""The graph as a module: nodes built from a wiring, run in order, pruned to the outputs that are asked.

Node names are the prefixes of the state dict, so weights move between graphs by name. Each node is initialised under a seed of
its own, so its first weights do not depend on what else the graph holds.
"""

from __future__ import annotations

import functools
import keyword
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from antifaz.core.errors import DataError
from antifaz.core.seeds import derived_seed
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import PLUGIN_FAULT_HINT, ConfigError, Problem, SpecError, failure, suggest

from .batch_axes import axes_of, fold_tensors, presence_over, unfold_tensors
from .loading import fit_weights, misfits, renamed
from .sharing import assign_aliases, share_weights
from .wire import BATCH, Wire
from .wiring import WiredNode, Wiring

Arriving = Mapping[str, Tokens | Features]
Leaving = dict[str, Tokens | Features]


class Graph(nn.Module):
    """A wired graph with parameters.

    Args:
        wiring: the checked nodes.
        seed: of the first weights.
    Raises:
        SpecError: a `share` or `tie` that does not fit; its field begins with the node's name.
    """

    def __init__(self, wiring: Wiring, *, seed: int = 0) -> None:
        super().__init__()
        self.wiring = wiring
        for name, node in wiring.nodes.items():
            if hasattr(self, name) or keyword.iskeyword(name) or name in ("aliases", "outputs", "_influences"):
                raise SpecError(f"{name!r} cannot be the name of a node", field=name, hint="choose another name")
            self.add_module(name, _built(node, seed))
        self.aliases = share_weights(self, wiring)
        self._influences = wiring.influences()

    def forward(self, batch: Mapping[str, Features], outputs: Sequence[str]) -> Leaving:
        """Run what these outputs need on what the batch has.

        batch: entries of the data by name, (batch, ...) each; entries that are not there are absent for the whole batch.
        outputs: references; a node stands for all of its outputs.
        Returns the outputs by full reference; those that no entry there may influence are left out, whatever latents would make of
        them, and features of a sample that has none of these entries are marked invalid.
        Raises DataError for an entry that the data do not declare.
        """
        if unknown := [name for name in batch if name not in self.wiring.inputs]:
            known = list(self.wiring.inputs)
            raise DataError(f"the graph knows no entry {unknown[0]!r}", hint=suggest(unknown[0], known, noun="entries"))
        wanted = [wire for reference in outputs for wire in self.wiring.resolve(reference) if self._hears(wire, batch)]
        values: dict[tuple[str, str], Tokens | Features] = {(BATCH, name): entry for name, entry in batch.items()}
        plan = self.wiring.needed_for(wanted)
        size = next((entry.values.shape[0] for entry in batch.values()), 1)
        for name, node in self.wiring.nodes.items():
            if name not in plan:
                continue
            asked, keys = plan[name]
            arriving = {w.key: values[w.source] for w in node.wires if w.key in keys and w.source in values}
            if node.wires and not arriving:
                continue
            for output, value in self.run_node(node, arriving, asked, size).items():
                values[name, output] = self._answered(Wire(output, name, output), value, batch)
        return {wire.reference: values[wire.source] for wire in wanted if wire.source in values}

    def _hears(self, wire: Wire, batch: Mapping[str, Features]) -> bool:
        """Return True if an entry of the batch may influence an output, or if no entry ever does."""
        influences = self._influences.get(wire.reference)
        return not influences or not influences.isdisjoint(batch)

    def _answered(self, wire: Wire, value: Tokens | Features, batch: Mapping[str, Features]) -> Tokens | Features:
        """Mark features invalid that latents alone made up for a sample, or for one of several in it."""
        heard = [batch[name].valid for name in sorted(self._influences[wire.reference]) if name in batch]
        known = [valid for valid in heard if valid is not None]
        if isinstance(value, Tokens) or not heard or len(known) < len(heard):
            return value
        valid = value.presence()
        lead = value.values.shape[: max(valid.dim(), self.wiring.nodes[wire.node].plan.batch_axes)]
        some = functools.reduce(torch.logical_or, [presence_over(each, lead) for each in known])
        return Features(value.values, presence_over(valid, lead) & some)

    def run_node(self, node: WiredNode, arriving: Arriving, asked: frozenset[str], size: int) -> Leaving:
        """Run one node by itself. arriving: values by key. asked: names of its outputs. size: of the batch."""
        folds = node.plan.batch_axes - 1
        sizes: tuple[int, ...] = ()
        if folds:
            sizes = (size, *axes_of(next(iter(node.inputs.values())))[:folds])
            arriving = {key: fold_tensors(value, sizes) for key, value in arriving.items()}
        assert node.kind.call is not None
        result = node.kind.call(self.get_submodule(node.name), arriving, asked, size)
        leaving: Leaving = {node.name: result} if isinstance(result, Tokens | Features) else result
        return {key: unfold_tensors(value, sizes) for key, value in leaving.items()} if folds else leaving

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Graph:
        """Share the buffers again after `to`, `double` and the like: torch would give each node its own copy."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        assign_aliases(self, self.aliases)
        return self

    def weights(self) -> dict[str, Tensor]:
        """The state dict with shared tensors once, under their owner."""
        return {name: value for name, value in self.state_dict().items() if name not in self.aliases}

    def load_weights(self, weights: Mapping[str, Tensor], nodes: Iterable[str] | None = None) -> list[str]:
        """Copy weights in, all of these nodes (default: every node), exactly.

        A node's module may have a method `adapt(weights: dict[str, Tensor]) -> dict[str, Tensor]`, which gets the node's given
        weights by its own names and returns those of another shape as it can use them: position tables resampled to its grid,
        image patches inflated over time. It may add what no such checkpoint has.

        Returns a line for each tensor that was adapted or added.

        Raises:
            SpecError: listing everything that is missing, unknown or of another shape, by node; nothing is loaded then.
        """
        all_own = self.weights()
        ready: dict[str, Tensor] = {}
        faults: list[str] = []
        changes: list[str] = []
        for node in self.wiring.nodes:
            if nodes is not None and node not in nodes:
                continue
            own = _of_node(all_own, node)
            fitted, lines = fit_weights(node, self.get_submodule(node), renamed(_of_node(weights, node), own))
            changes += lines
            faults += [f"{node}: {fault}" for fault in misfits(own, fitted)]
            ready |= {f"{node}.{name}": value for name, value in fitted.items()}
        if faults:
            raise SpecError("these weights belong to another graph; nothing was loaded:\n    " + "\n    ".join(faults))
        with torch.no_grad():
            for name, value in ready.items():
                all_own[name].copy_(value)
        return changes


def _of_node(weights: Mapping[str, Tensor], node: str) -> dict[str, Tensor]:
    """Return a node's weights by its own names."""
    return {name.removeprefix(f"{node}."): value for name, value in weights.items() if name.startswith(f"{node}.")}


def _built(node: WiredNode, seed: int) -> nn.Module:
    """Build a node's module; its parameters are drawn under a seed made from the run's seed and the node's name."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, node.name))
        try:
            module: nn.Module = node.plan.spec.build(node.inner_inputs)
        except SpecError as error:
            field = f"{node.name}.{error.field}" if error.field else node.name
            raise SpecError(error.message, field=field, hint=error.hint) from None
        except Exception as error:  # what a plugin's own code, or torch, raises
            message = f"{node.plan.words} cannot be built: {failure(error, node.plan.spec)}"
            raise SpecError(message, field=node.name, hint=PLUGIN_FAULT_HINT) from None
    return module


def build_graph(wiring: Wiring, *, seed: int = 0, device: str | torch.device = "cpu") -> Graph:
    """Build the graph with fresh weights. They are drawn on the CPU whatever the device, so that a seed means one model.

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
