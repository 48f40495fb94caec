"""Exceptions out of plugins' code, in words that name the node, objective or hook that raised them.

The forward pass is not touched: only once it has failed is the node or objective found, in the frames of the traceback.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pluggy
import torch

from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import Experiment
from antifaz.core.graph.module import Graph
from antifaz.core.graph.wiring import Wiring
from antifaz.data.contract import named, trace_of
from antifaz.engine.training.model import TrainingModel
from antifaz.registry import MEND, AntifazError, KeyPath, Location, failure, is_lost_process, with_lines


@contextmanager
def naming_nodes(wiring: Wiring, doing: str, locate: Callable[[str], Location] | None = None) -> Iterator[None]:
    """Name the node or objective that raises while a graph or a training model runs.

    doing: what it was run for, as "in stage 'train'". locate: where the config has an objective of this name.

    Raises:
        ComponentError: in place of any exception that is not for people already, and not of another process that is gone.
        RunError: the device has too little memory.
    """
    try:
        yield
    except AntifazError:
        raise
    except torch.OutOfMemoryError as error:
        reason = str(error).partition(". ")[0]
        message = f"the device has too little memory {doing}: {reason}"
        raise RunError(
            message, hint="lower batch_size, or in training raise `accumulate`; `antifaz check` estimates memory"
        ) from error
    except Exception as error:
        if is_lost_process(error):
            raise
        raise _fault(error, wiring, doing, locate) from error


def _fault(error: Exception, wiring: Wiring, doing: str, locate: Callable[[str], Location] | None) -> ComponentError:
    component, who, location = _culprit(error, wiring, locate)
    hint = with_lines(error, component, advice(error, MEND))
    message = f"{who} failed {doing}: {failure(error, component)}"
    return ComponentError(message, hint=hint, location=location, trace=trace_of(error))


def _culprit(error: Exception, wiring: Wiring, locate: Callable[[str], Location] | None) -> tuple[object, str, Location | None]:
    """Find who raised an error by the innermost frame that runs a node or an objective: its spec, its name, its place."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        variables = frame.f_locals
        if frame.f_code is Graph.run_node.__code__:
            node = variables["node"]
            return node.plan.spec, node.plan.words, wiring.locate((node.name,))
        if frame.f_code is TrainingModel.forward.__code__ and "sink" in variables:
            sink = variables["sink"]
            return sink.entry.spec, f"{named(sink.entry.spec)} ({sink.name})", locate(sink.name) if locate else None
    return wiring, "a pass through the graph", None


def objective_places(experiment: Experiment, stage: str) -> Callable[[str], Location]:
    """Return where a stage's objectives stand in the config."""
    return lambda name: experiment.document.location(("stages", stage, "objectives", name))


def metric_places(experiment: Experiment, evaluation: KeyPath) -> Callable[[str], Location]:
    """Return where the metrics of an evaluation stand in the config. evaluation: its own place."""
    return lambda name: experiment.document.location((*evaluation, "metrics", name))


META_HINT = (
    "it is tried on shapes alone, so none may depend on values: in place of boolean indexing and `.item()`, multiply by the mask "
    "or use torch.where (`zero_invalid` and `masked_sum` of antifaz.core.objectives)"
)


def advice(error: Exception, otherwise: str) -> str:
    """Return the hint for an exception of a node or objective: that of the meta device, where it is the reason."""
    return META_HINT if re.search("meta tensor|register_meta|meta device", str(error), re.I) else otherwise


HOOK_HINT = "mend its plugin, or uninstall it; the same command goes on"


class Hooks:
    """pluggy's caller of the plugins' hooks; one that raises is named.

    Args:
        caller: `manager.hook`.
    """

    def __init__(self, caller: Any) -> None:
        self._caller = caller

    def __getattr__(self, name: str) -> Callable[..., Any]:
        hook = getattr(self._caller, name)

        def call(**arguments: Any) -> Any:
            try:
                return hook(**arguments)
            except AntifazError:
                raise
            except Exception as error:
                if is_lost_process(error):
                    raise
                raise _hook_fault(error, name) from error

        return call


def _hook_fault(error: Exception, name: str) -> ComponentError:
    """Name the plugin whose hook has raised: the innermost one that pluggy was calling."""
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        implementation = frame.f_locals.get("hook_impl")
        if isinstance(implementation, pluggy.HookImpl):
            function = implementation.function
            message = f"the hook {name!r} of the plugin {implementation.plugin_name!r} failed: {failure(error, function)}"
            return ComponentError(message, hint=with_lines(error, function, HOOK_HINT), trace=trace_of(error))
    return ComponentError(f"the hook {name!r} of a plugin failed: {failure(error, error)}", hint=HOOK_HINT, trace=trace_of(error))
