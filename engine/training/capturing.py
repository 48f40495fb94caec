"""Intermediate values of training steps, for the callbacks that ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from antifaz.core.errors import ComponentError, RunError
from antifaz.core.experiment import CallbackEntry
from antifaz.core.interfaces import Callback, CallbackSpec
from antifaz.data.contract import named
from antifaz.layers.capture import capture, require_known
from antifaz.registry import SpecError, declaration_of, plugin_of

from .state import StageState


@contextmanager
def capturing(state: StageState, callbacks: Iterable[tuple[CallbackEntry, Callback]]) -> Iterator[None]:
    """Keep in `state.captured` what callbacks want of the next step, of its last micro-batch, detached.

    In steps of which no callback wants anything, nothing is computed, and a compiled model runs compiled.

    Raises:
        RunError: a callback asks for a module that is not there.
    """
    patterns: list[str] = []
    for entry, callback in callbacks:
        wanted, every = captures_of(entry.spec, callback)
        if (state.step + 1) % every == 0:
            require_captures(entry.spec, state.stage, state.model, wanted)
            patterns += wanted
    if not patterns:
        state.captured = {}
        yield
        return
    with capture(state.model, patterns) as captured:
        yield
    state.captured = captured


def captures_of(spec: CallbackSpec, callback: Callback) -> tuple[list[str], int]:
    """Return the patterns that a callback wants, and every how many steps.

    Raises:
        ComponentError: they are no list of patterns, or its steps no whole number.
    """
    every: Any = getattr(callback, "capture_every", 1)
    patterns: Any = getattr(callback, "capture", ())
    if not isinstance(every, int) or every < 1:
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} has {every!r} as `capture_every`, not a number of steps"
        raise ComponentError(message, hint="a whole number, at least 1")
    if isinstance(patterns, str) or not isinstance(patterns, Sequence):
        message = f"{named(spec)} of the plugin {plugin_of(spec)!r} has {patterns!r} as `capture`, not a list of patterns"
        raise ComponentError(message, hint='such as ["encoder.blocks.*.attention"]')
    return list(patterns), every


def require_captures(spec: CallbackSpec, stage: str, model: nn.Module, patterns: Sequence[str]) -> None:
    """Refuse what a callback asks for and no module of the graph is.

    Raises:
        RunError: with the callback, the stage and the nearest name.
    """
    try:
        require_known(model, patterns)
    except SpecError as error:
        message = f"the callback {declaration_of(spec).name!r} of stage {stage!r} asks for what is not there: {error.message}"
        raise RunError(message, hint=error.hint) from None
