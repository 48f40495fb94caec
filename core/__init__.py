"""The core of Antifaz: streams, routing, attention, graph, check, verify, engine, command line. Importing it imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.predict import Predictor


def load(run: str, **options: Any) -> Predictor:
    """The trained model of a run folder; see antifaz.core.engine.predict.load."""
    from .engine.predict import load as load_run

    return load_run(run, **options)
