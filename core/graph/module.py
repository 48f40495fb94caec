"""The graph as a module: nodes built from a wiring, run in order, pruned to the outputs that are asked.

Node names are the prefixes of the state dict, so weights move between graphs by name. Each node is initialised under a seed of
its own, so its first weights do not depend on what else the graph holds.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from antifaz.core.streams import Stream, Value
from antifaz.core.tokens import Features, Tokens, per_sample
from antifaz.registry import PLUGIN_FAULT_HINT, ConfigError, Problem, SpecError, failure, nearest, suggest

from .wiring import BATCH, Wire, WiredNode, Wiring

SHOWN = 6
"""Parameters that a message lists."""


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
        self.aliases: dict[str, str] = {}
        for name, node in wiring.nodes.items():
            if hasattr(nn.Module, name) or name in ("wiring", "aliases", "outputs"):
                raise SpecError(f"{name!r} cannot be the name of a node", field=name, hint="choose another name")
            self.add_module(name, _built(node, seed))
        ties: dict[str, str] = {}
        for name, node in wiring.nodes.items():
            if node.plan.share is not None:
                ties.update(self._share(name, node.plan.share))
            ties.update({f"{name}.{parameter}": owner for parameter, owner in node.plan.tie.items()})
        self._tie(ties)
        self._influences = wiring.influences()

    def forward(self, batch: Mapping[str, Features], outputs: Sequence[str]) -> Leaving:
        """Run what these outputs need on what the batch has.

        batch: entries of the data by name, (batch, ...) each; entries that are not there are absent for the whole batch.
        outputs: references; a node stands for all of its outputs.
        Returns the outputs by full reference; those that no entry there may influence are left out, whatever latents would make of
        them, and features of a sample that has none of these entries are marked invalid.
        """
        wanted = [wire for reference in outputs for wire in self.wiring.resolve(reference) if self._hears(wire, batch)]
        values: dict[tuple[str, str], Tokens | Features] = {(BATCH, name): entry for name, entry in batch.items()}
        plan = self.wiring.needed_for(wanted)
        size = next((entry.values.shape[0] for entry in batch.values()), 1)
        for name, node in self.wiring.nodes.items():
            if name not in plan:
                continue
            asked, keys = plan[name]
            arriving = {w.key: values[w.node, w.output] for w in node.wires if w.key in keys and (w.node, w.output) in values}
            if node.wires and not arriving:
                continue
            for output, value in self.run_node(node, arriving, asked, size).items():
                values[name, output] = self._answered(Wire(output, name, output), value, batch)
        return {wire.reference: values[wire.node, wire.output] for wire in wanted if (wire.node, wire.output) in values}

    def _hears(self, wire: Wire, batch: Mapping[str, Features]) -> bool:
        """Whether anything of a batch may influence an output, or nothing ever does."""
        influences = self._influences.get(wire.reference)
        return not influences or not influences.isdisjoint(batch)

    def _answered(self, wire: Wire, value: Tokens | Features, batch: Mapping[str, Features]) -> Tokens | Features:
        """Features that latents alone made up for a sample, or for one of several in it, are absent: no answer, not counted."""
        heard = [batch[name].valid for name in sorted(self._influences[wire.reference]) if name in batch]
        known = [valid for valid in heard if valid is not None]
        if isinstance(value, Tokens) or not heard or len(known) < len(heard):
            return value
        valid = value.presence()
        lead = value.values.shape[: max(valid.dim(), self.wiring.nodes[wire.node].plan.batch_axes)]
        some = functools.reduce(torch.logical_or, [_over(each, lead) for each in known])
        return Features(value.values, _over(valid, lead) & some)

    def run_node(self, node: WiredNode, arriving: Arriving, asked: frozenset[str], size: int) -> Leaving:
        """One node by itself. arriving: by key. asked: of its outputs. size: of the batch."""
        axes = node.plan.batch_axes
        lead: tuple[int, ...] = ()
        if axes > 1:
            lead = (size, *_axes(next(iter(node.inputs.values())))[: axes - 1])
            arriving = {key: _map(_spread(value, lead), lambda t: t.flatten(0, axes - 1)) for key, value in arriving.items()}
        result = node.kind.call(self.get_submodule(node.name), arriving, asked, size)
        leaving: Leaving = {node.name: result} if isinstance(result, Tokens | Features) else result
        if axes > 1:
            leaving = {key: _map(value, lambda t: t.unflatten(0, lead)) for key, value in leaving.items()}
        return leaving

    def _share(self, name: str, owner: str) -> dict[str, str]:
        """Every parameter of a node -> the same one of another, which may have more; its buffers become the other's at once."""
        mine, theirs = self.get_submodule(name), self.get_submodule(owner)
        own_names = {n: p.shape for n, p in mine.named_parameters()}
        their_names = {n: p.shape for n, p in theirs.named_parameters()}
        different = sorted(n for n in own_names if own_names[n] != their_names.get(n))
        if different:
            shown = ", ".join(different[:SHOWN]) + (f" and {len(different) - SHOWN} more" if len(different) > SHOWN else "")
            raise SpecError(
                f"cannot share the weights of {owner!r}: these parameters differ: {shown}",
                field=f"{name}.share",
                hint="a shared node needs inputs of the same widths as its owner's, and no parameter that the owner lacks; where "
                "parameters are called after streams, name the inputs as the owner does: `in: {NAME: reference}`",
            )
        state = mine.state_dict().keys()
        for buffer, value in theirs.named_buffers():
            if buffer in state:  # others follow from a node's own inputs
                _assign(mine, buffer, value)
                self.aliases[f"{name}.{buffer}"] = f"{owner}.{buffer}"
        return {f"{name}.{parameter}": f"{owner}.{parameter}" for parameter in own_names}

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Graph:
        """As torch's, for `to`, `double` and the like, which would give a shared buffer to each of its nodes anew."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        buffers = dict(self.named_buffers(remove_duplicate=False))
        for name, owner in self.aliases.items():
            if name in buffers:
                _assign(self, name, buffers[owner])
        return self

    def _tie(self, ties: Mapping[str, str]) -> None:
        """Make parameters those of others. ties: parameter -> owner, by full names; an owner may itself be tied."""
        parameters = dict(self.named_parameters(remove_duplicate=False))
        for name, owner in ties.items():
            for each in (name, owner):
                if each not in parameters:
                    hint = suggest(each, list(parameters), noun="parameters")
                    raise SpecError(f"there is no parameter {each!r}", field=_tie_of(name), hint=hint)
        for name in ties:
            owner, passed = ties[name], [name]
            while owner in ties:
                if owner in passed:
                    raise SpecError(f"parameters are tied in a circle: {' -> '.join([*passed, owner])}", field=_tie_of(name))
                passed.append(owner)
                owner = ties[owner]
            if parameters[name].shape != parameters[owner].shape:
                shapes = f"{list(parameters[name].shape)} and {list(parameters[owner].shape)}"
                raise SpecError(f"cannot tie {name!r} to {owner!r}: their shapes are {shapes}", field=_tie_of(name))
            _assign(self, name, parameters[owner])
            self.aliases[name] = owner

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
        said: list[str] = []
        for node in self.wiring.nodes:
            if nodes is not None and node not in nodes:
                continue
            own, given = _below(all_own, node), _below(weights, node)
            adapt: Callable[[dict[str, Tensor]], dict[str, Tensor]] | None = getattr(self.get_submodule(node), "adapt", None)
            fitting = given if adapt is None else adapt(dict(given))
            said += [
                f"adapted {node}.{name} from {list(given[name].shape)} to {list(value.shape)}"
                for name, value in fitting.items()
                if name in given and value.shape != given[name].shape
            ]
            said += [f"{node}.{name} is not given, and filled in by its module" for name in fitting if name not in given]
            faults += [f"{node}: {fault}" for fault in _misfits(own, fitting)]
            ready |= {f"{node}.{name}": value for name, value in fitting.items()}
        if faults:
            raise SpecError("these weights belong to another graph; nothing was loaded:\n    " + "\n    ".join(faults))
        with torch.no_grad():
            for name, value in ready.items():
                all_own[name].copy_(value)
        return said


def _built(node: WiredNode, seed: int) -> nn.Module:
    """A node's module; its parameters are drawn under a seed made from the run's seed and the node's name."""
    digest = hashlib.blake2b(f"{seed}/{node.name}".encode(), digest_size=7).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest, "big"))
        try:
            module: nn.Module = node.plan.spec.build(node.inner_inputs)
        except SpecError as error:
            field = f"{node.name}.{error.field}" if error.field else node.name
            raise SpecError(error.message, field=field, hint=error.hint) from None
        except Exception as error:  # what a plugin's own code, or torch, raises
            message = f"{node.plan.words} cannot be built: {failure(error, node.plan.spec)}"
            raise SpecError(message, field=node.name, hint=PLUGIN_FAULT_HINT) from None
    return module


def _tie_of(parameter: str) -> str:
    """The key that ties a parameter, given by its full name."""
    return f"{parameter.partition('.')[0]}.tie"


def _below(weights: Mapping[str, Tensor], node: str) -> dict[str, Tensor]:
    """A node's weights by its own names."""
    return {name.partition(".")[2]: value for name, value in weights.items() if name.partition(".")[0] == node}


def _misfits(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """What keeps given weights from being these, each in words."""
    faults = [f"missing: {name}" for name in own if name not in given]
    for name in given:
        if name not in own:
            near = nearest(name, own)
            faults.append(f"unknown: {name}" + (f"; did you mean {near!r}?" if near else ""))
    faults += [
        f"{name} is {list(given[name].shape)}, the graph wants {list(value.shape)}"
        for name, value in own.items()
        if name in given and given[name].shape != value.shape
    ]
    return faults


def _assign(module: nn.Module, name: str, value: Tensor) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(module.get_submodule(parent), leaf, value)


def _axes(value: Value) -> tuple[int, ...]:
    """Sizes between the batch axis and the tokens, or all of a plain tensor's."""
    return value.lead if isinstance(value, Stream) else value.dims


def _spread(value: Tokens | Features, lead: tuple[int, ...]) -> Tokens | Features:
    """Presence of whole samples, and latents, said for each entry of the axes that are folded away."""
    if isinstance(value, Tokens):
        ones = (1,) * (len(lead) - 1)
        return (
            value if value.values.dim() > 3 else _map(value, lambda t: t.view(-1, *ones, *t.shape[1:]).expand(*lead, *t.shape[1:]))
        )
    if value.valid is None or value.valid.dim() >= len(lead):
        return value
    valid = value.valid.view(*value.valid.shape, *(1 for _ in lead[value.valid.dim() :])).expand(lead)
    return Features(value.values, valid)


def _over(valid: Tensor, lead: Sequence[int]) -> Tensor:
    """Presence over other leading axes: of whole samples where it is not said for just these."""
    if tuple(valid.shape) == tuple(lead):
        return valid
    return per_sample(valid).view(-1, *(1 for _ in lead[1:])).expand(tuple(lead))


def _map(value: Tokens | Features, change: Callable[[Tensor], Tensor]) -> Tokens | Features:
    """Apply a change of the leading axes to every tensor of a value."""
    valid = value.valid
    if isinstance(value, Tokens):
        index = None if value.index is None else change(value.index)
        return Tokens(change(value.values), value.grid, index, None if valid is None else change(valid))
    return Features(change(value.values), None if valid is None else change(valid))


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
