"""What components return in a run, held against what their kind promises: losses, figures, objects with certain methods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from antifaz.core.errors import ComponentError
from antifaz.core.experiment import MetricEntry, ObjectiveEntry, Sink
from antifaz.core.objectives import Loss, Term
from antifaz.data.contract import named
from antifaz.registry import Location, plugin_of

Built = TypeVar("Built")

LOSS_HINT = "return Loss(terms={name: Term(total, count)}) of antifaz.core.objectives: 0-dim tensors, a sum and how many it is over"


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
        raise ComponentError(message, hint="return {name: number}, such as {'accuracy': float(share)}", location=location)
    return dict(figures)


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


def require_optimizer(spec: object, built: object, location: Location | None = None) -> None:
    """Refuse what is no optimizer of torch.

    Raises:
        ComponentError: with what it is.
    """
    if not isinstance(built, torch.optim.Optimizer):
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} builds a {type(built).__name__}, not a torch.optim.Optimizer"
        raise ComponentError(message, hint="derive it from torch.optim.Optimizer", location=location)
