"""Antifaz: multimodal transformers whose routing is proved. Names are imported when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antifaz.core.discovery import discover
    from antifaz.core.experiment import read
    from antifaz.core.graph.module import build_graph
    from antifaz.core.tokens import Features
    from antifaz.engine.notebook import batches, evaluate, load_weights, save_weights, training_model
    from antifaz.engine.predict import Predictor, load
    from antifaz.engine.run import run_experiment
    from antifaz.layers.capture import capturable, capture

HOMES = {
    "Features": "antifaz.core.tokens",
    "Predictor": "antifaz.engine.predict",
    "batches": "antifaz.engine.notebook",
    "build_graph": "antifaz.core.graph.module",
    "capturable": "antifaz.layers.capture",
    "capture": "antifaz.layers.capture",
    "discover": "antifaz.core.discovery",
    "evaluate": "antifaz.engine.notebook",
    "load": "antifaz.engine.predict",
    "load_weights": "antifaz.engine.notebook",
    "read": "antifaz.core.experiment",
    "run_experiment": "antifaz.engine.run",
    "save_weights": "antifaz.engine.notebook",
    "training_model": "antifaz.engine.notebook",
}
"""The module of each name that `antifaz` itself has."""

__all__ = [
    "Features",
    "Predictor",
    "batches",
    "build_graph",
    "capturable",
    "capture",
    "discover",
    "evaluate",
    "load",
    "load_weights",
    "read",
    "run_experiment",
    "save_weights",
    "training_model",
]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'antifaz' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(HOMES)
