"""The hooks of a plugin. A plugin is any module that implements some of them under `@hookimpl`."""

from __future__ import annotations

from typing import Any

from antifaz.registry.plugins.markers import hookspec

from .run import RunContext


@hookspec
def antifaz_components() -> list[type]:  # type: ignore[empty-body]
    """The spec classes that the plugin brings, each under `@component(kind, name)`. Called once, before any config is read."""


@hookspec
def antifaz_examples() -> list[Any]:  # type: ignore[empty-body]
    """A tiny antifaz.core.examples.Example of each component, which the conformance kit runs. Optional."""


@hookspec
def antifaz_run_start(run: RunContext) -> None:
    """A run begins, or goes on. Called in the main process only, as all below."""


@hookspec
def antifaz_step(run: RunContext, record: dict[str, Any]) -> None:
    """A line of figures was logged: `record` has `stage`, `step` and named numbers."""


@hookspec
def antifaz_checkpoint(run: RunContext, stage: str, step: int) -> None:
    """A complete checkpoint was written."""


@hookspec
def antifaz_run_end(run: RunContext, results: dict[str, Any]) -> None:
    """Every stage is over; `results` is what results.json holds."""
