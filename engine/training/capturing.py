"""Intermediate values of training steps, for the callbacks that ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from antifaz.core.errors import RunError
from antifaz.core.experiment import CallbackEntry
from antifaz.core.interfaces import Callback, CallbackSpec
from antifaz.layers.capture import capture, require_known
from antifaz.registry import SpecError, declaration_of

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
        if (state.step + 1) % getattr(callback, "capture_every", 1) == 0:
            wanted = list(getattr(callback, "capture", ()))
            _require_known(entry.spec, state, wanted)
            patterns += wanted
    if not patterns:
        state.captured = {}
        yield
        return
    with capture(state.model, patterns) as captured:
        yield
    state.captured = captured


def _require_known(spec: CallbackSpec, state: StageState, patterns: Sequence[str]) -> None:
    try:
        require_known(state.model, patterns)
    except SpecError as error:
        message = f"the callback {declaration_of(spec).name!r} of stage {state.stage!r} asks for what is not there: {error.message}"
        raise RunError(message, hint=error.hint) from None
