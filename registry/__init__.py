"""Plugin discovery, component records, YAML documents and their strict structuring. Imports no torch and nothing else of ours."""

from .components import KINDS, Catalogue, Component, Declaration, Kind, component, declaration_of, slot, slot_kinds
from .errors import (
    AntifazError,
    ClaimError,
    ConfigError,
    DataError,
    Location,
    PluginError,
    Problem,
    RunError,
    SpecError,
    nearest,
    suggest,
)

__all__ = [
    "KINDS",
    "AntifazError",
    "Catalogue",
    "ClaimError",
    "Component",
    "ConfigError",
    "DataError",
    "Declaration",
    "Kind",
    "Location",
    "PluginError",
    "Problem",
    "RunError",
    "SpecError",
    "component",
    "declaration_of",
    "nearest",
    "slot",
    "slot_kinds",
    "suggest",
]
