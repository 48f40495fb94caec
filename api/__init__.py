"""Antifaz: multimodal transformers whose routing is proved. Names are imported when they are first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from antifaz.core.discovery import discover
    from antifaz.core.experiment import read
    from antifaz.core.graph.module import build_graph
    from antifaz.engine.predict import load

HOMES = {
    "build_graph": "antifaz.core.graph.module",
    "discover": "antifaz.core.discovery",
    "load": "antifaz.engine.predict",
    "read": "antifaz.core.experiment",
}
"""The module of each name that `antifaz` itself has."""

__all__ = ["build_graph", "discover", "load", "read"]


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module 'antifaz' has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(HOMES)
