"""What components return in a run, held against what their kind promises: losses, figures, objects with certain methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from antifaz.core.errors import ComponentError
from antifaz.core.experiment import MetricEntry, ObjectiveEntry, Sink
from antifaz.core.objectives import Loss, Term
from antifaz.core.tokens import Features
from antifaz.data.contract import named
from antifaz.registry import Location, plugin_of

Built = TypeVar("Built")

LOSS_HINT = "return Loss(terms={name: Term(total, count)}) of antifaz.core.objectives: 0-dim tensors, a sum and how many it is over"
FIGURES_HINT = "return {name: number}, such as {'accuracy': float(share)}"


def require_losses(
    losses: Mapping[str, Any], sinks: Mapping[str, Sink[ObjectiveEntry]], locate: Callable[[str], Location | None] | None = None
) -> None:
    """Refuse what is no loss: every objective returns a `Loss` of at least one term, its totals and counts 0-dim tensors.

    Reads shapes alone, and never waits for the device. locate: where the config has an objective of this name.

    Raises:
        ComponentError: the first that is none.
    """
    for name, loss in losses.items():
        if (fault := loss_fault(loss)) is not None:
            spec = sinks[name].entry.spec
            message = f"{named(spec)} of the plugin {plugin_of(spec)!r} ({name}) returns {fault}"
            raise ComponentError(message, hint=LOSS_HINT, location=locate(name) if locate else None)


def loss_fault(loss: Any) -> str | None:
    """Say what an objective returns in place of a loss; None where it is one."""
    if not isinstance(loss, Loss):
        return f"a {type(loss).__name__}, not a Loss"
    if not isinstance(loss.terms, Mapping) or not isinstance(loss.logs, Mapping):
        return f"a Loss of a {type(loss.terms).__name__} of terms and a {type(loss.logs).__name__} of logs, not of mappings by name"
    if not loss.terms:
        return "a Loss without terms: there is nothing to minimise"
    for sort, terms in (("term", loss.terms), ("log", loss.logs)):
        for name, term in terms.items():
            if not isinstance(term, Term):
                return f"the {sort} {name!r} as {type(term).__name__}, not as a Term"
            for part in ("total", "count"):
                value = getattr(term, part)
                if not isinstance(value, Tensor) or value.dim():
                    shape = f"a tensor {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
                    return f"the {part} of the {sort} {name!r} as {shape}, not as a 0-dim tensor"
                if value.dtype == torch.bool:
                    return f"the {part} of the {sort} {name!r} as a truth value, not as a number"
    return None


def require_figures(figures: Any, sink: Sink[MetricEntry], stage: str, location: Location | None = None) -> dict[str, float]:
    """Return the figures of a metric if they are {name: number}.

    Raises:
        ComponentError: a tensor, a bare number, nothing at all, or something else than numbers in the mapping.
    """
    fault = figures_fault(figures)
    if fault is not None:
        spec = sink.entry.spec
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} ({sink.name} of stage {stage!r}) returns {fault}"
        raise ComponentError(message, hint=FIGURES_HINT, location=location)
    return dict(figures)


@contextmanager
def unchanged(arguments: Mapping[str, Mapping[str, Features]], spec: object) -> Iterator[None]:
    """Refuse a metric that changes in place what it is given, which other metrics are given too.

    Raises:
        ComponentError: on leaving.
    """

    def versions() -> list[int]:
        return [value.values._version for group in arguments.values() for value in group.values()]

    before = versions()
    yield
    if versions() != before:
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} changes the values that it is given in place"
        raise ComponentError(message, hint="other metrics are given the same: work on a `.clone()`")


def lower_is_better(metric: object, spec: object) -> list[str]:
    """Return the figures of a metric of which the lower is the better, sorted.

    Raises:
        ComponentError: it says so by something else than a collection of names.
    """
    names: Any = getattr(metric, "lower_is_better", ())
    if isinstance(names, str) or not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} has {names!r} as `lower_is_better`, not a collection of names"
        raise ComponentError(message, hint='such as `("error",)`, with the comma, or `{"error"}`')
    return sorted(names)


def figures_fault(figures: Any) -> str | None:
    """Say what a metric returns in place of {name: number}; None where it is that."""
    if isinstance(figures, Tensor):
        return f"a tensor {list(figures.shape)}, not a mapping of names to numbers"
    if not isinstance(figures, Mapping):
        return f"a bare {type(figures).__name__}, not a mapping of names to numbers"
    if not figures:
        return "no figure at all"
    for name, value in figures.items():
        if not isinstance(name, str):
            return f"a figure under {name!r}, which is no name"
        if isinstance(value, Tensor):
            return f"{name!r} as a tensor {list(value.shape)}, not as a number: `.item()` makes one"
        if not isinstance(value, float | int):
            return f"{name!r} as {type(value).__name__}, not as a number: `float()` makes one"
    return None


def require_members(spec: object, built: Built, members: Collection[str], location: Location | None = None) -> Built:
    """Return what a component builds if it has these methods.

    Raises:
        ComponentError: with those that it lacks.
    """
    lacking = [name for name in members if not callable(getattr(built, name, None))]
    if lacking:
        listing = ", ".join(f"`{name}`" for name in lacking)
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} builds an object without {listing}: {type(built).__name__}"
        raise ComponentError(
            message, hint="add what lacks, or derive it from its protocol in antifaz.core.interfaces", location=location
        )
    return built


def require_optimizer(spec: object, built: object, parameters: Iterable[nn.Parameter], location: Location | None = None) -> None:
    """Refuse what is no optimizer of torch, or none of all these parameters in the groups that it was given.

    Raises:
        ComponentError: with what it is.
    """
    who = f"{named(spec)} of the plugin {plugin_of(spec)!r}"
    if not isinstance(built, torch.optim.Optimizer):
        message = f"{who} builds a {type(built).__name__}, not a torch.optim.Optimizer"
        raise ComponentError(message, hint="derive it from torch.optim.Optimizer", location=location)
    if not all("scale" in group for group in built.param_groups):
        message = f"{who} builds groups of parameters without the `scale` of those that it is given"
        raise ComponentError(message, hint="hand over `groups` as they are: `SGD(groups, ...)`", location=location)
    given = {id(p) for p in parameters}
    if lacking := len(given - {id(p) for group in built.param_groups for p in group["params"]}):
        message = f"{who} leaves out {lacking} of the {len(given)} parameters that it is given"
        raise ComponentError(
            message, hint="hand over all `groups`; `freeze` of the stage keeps weights as they are", location=location
        )
