"""Plugin discovery, component records, YAML documents and their strict structuring. Knows no machine learning, imports no torch."""

from antifaz.registry.documents.document import Document, View, load_document
from antifaz.registry.documents.tree import KeyPath
from antifaz.registry.documents.yaml_text import write_yaml
from antifaz.registry.plugins.components import (
    Catalogue,
    Component,
    Declaration,
    Kind,
    component,
    declaration_of,
    slot,
    slot_kinds,
)
from antifaz.registry.plugins.discovery import PluginRow, Plugins, discover_plugins
from antifaz.registry.plugins.markers import hookimpl, hookspec
from antifaz.registry.specs.options import (
    above_zero_to_one,
    at_least,
    between,
    flatten,
    key_of,
    option,
    positive,
    zero_to_below_one,
)
from antifaz.registry.specs.structuring import Structurer, component_of, describe

from .errors import (
    AntifazError,
    ConfigError,
    Location,
    PluginError,
    Problem,
    SpecError,
    UnknownComponentError,
    WriteError,
    nearest,
    suggest,
)
from .failures import MEND, PLUGIN_FAULT_HINT, failing_plugin, failure, is_lost_process, plugin_of, with_lines

__all__ = [
    "MEND",
    "PLUGIN_FAULT_HINT",
    "AntifazError",
    "Catalogue",
    "Component",
    "ConfigError",
    "Declaration",
    "Document",
    "KeyPath",
    "Kind",
    "Location",
    "PluginError",
    "PluginRow",
    "Plugins",
    "Problem",
    "SpecError",
    "Structurer",
    "UnknownComponentError",
    "View",
    "WriteError",
    "above_zero_to_one",
    "at_least",
    "between",
    "component",
    "component_of",
    "declaration_of",
    "describe",
    "discover_plugins",
    "failing_plugin",
    "failure",
    "flatten",
    "hookimpl",
    "hookspec",
    "is_lost_process",
    "key_of",
    "load_document",
    "nearest",
    "option",
    "plugin_of",
    "positive",
    "slot",
    "slot_kinds",
    "suggest",
    "with_lines",
    "write_yaml",
    "zero_to_below_one",
]
