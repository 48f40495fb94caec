"""Plugin discovery, component records, YAML documents and their strict structuring. Imports no torch and nothing else of ours."""

from .components import KINDS, Catalogue, Component, Declaration, Kind, component, declaration_of, slot, slot_kinds
from .discovery import PluginRow, Plugins, discover
from .document import Document, View, load_document
from .errors import (
    AntifazError,
    ConfigError,
    DataError,
    Location,
    PluginError,
    Problem,
    RunError,
    SkeletonError,
    SpecError,
    nearest,
    suggest,
)
from .hooks import hookimpl, hookspec
from .options import at_least, between, fraction, key_of, option, positive, rest
from .structuring import Structurer, component_of, describe
from .yaml_text import write_yaml

__all__ = [
    "KINDS",
    "AntifazError",
    "Catalogue",
    "Component",
    "ConfigError",
    "DataError",
    "Declaration",
    "Document",
    "Kind",
    "Location",
    "PluginError",
    "PluginRow",
    "Plugins",
    "Problem",
    "RunError",
    "SkeletonError",
    "SpecError",
    "Structurer",
    "View",
    "at_least",
    "between",
    "component",
    "component_of",
    "declaration_of",
    "describe",
    "discover",
    "fraction",
    "hookimpl",
    "hookspec",
    "key_of",
    "load_document",
    "nearest",
    "option",
    "positive",
    "rest",
    "slot",
    "slot_kinds",
    "suggest",
    "write_yaml",
]
