"""The JSON Schema of a config file, for editors: its sections with the components of the installed plugins. No torch.

A file with a `name` that extends nothing stands alone and is held to be whole. Any other is a part: keys that it lacks may stand in
the files around it.
"""

from __future__ import annotations

import inspect
from typing import Any

from antifaz.core.experiment import STAGES, DataEntry, Header, NodeEntry
from antifaz.registry import Catalogue
from antifaz.registry.documents.placement import PLACES
from antifaz.registry.specs.schema import SchemaWriter
from antifaz.registry.specs.schema_forms import DELETED, Form, one_of, record, scalar

DIALECT = "https://json-schema.org/draft/2020-12/schema"
EXTENDS = {
    "description": "the file, or files, that this one is laid over: a path relative to this file, or the name of a shipped config",
    "type": ["string", "array"],
    "items": {"type": "string"},
}


def config_schema(catalogue: Catalogue) -> dict[str, Any]:
    """Return the schema of a config file whose components are those of the catalogue."""
    writer = SchemaWriter(catalogue)
    alone = {"required": ["name"], "not": {"required": ["extends"]}}
    whole, part = _file(writer, part=False), _file(writer, part=True)
    return {
        "$schema": DIALECT,
        "title": "Antifaz experiment",
        "description": "Written by `antifaz schema` from the installed plugins.",
        "type": "object",
        "if": alone,
        "then": whole,
        "else": part,
        "$defs": dict(sorted(writer.definitions.items())),
    }


def _file(writer: SchemaWriter, part: bool) -> dict[str, Any]:
    """Return the schema of the top level of a file."""
    header = writer.definition(writer.spec(Header, part))
    entries = {form: _section("data sets by name", writer.spec(DataEntry, form), form) for form in (False, True)}
    shared = writer.spec(DataEntry, part=True)
    sections = {
        "data_defaults": {"description": "keys that each data set has unless it says otherwise", **_deletable(shared)},
        "data": True,
        "graph": _section("nodes by name: each a component, and where its inputs come from", _node(writer, part), part),
        "stages": _section("what is trained and measured, in this order", _stage(writer, part), part),
    }
    properties = {"extends": EXTENDS, **header["properties"], **sections}
    made = record("A config file.", properties, header.get("required", []), False)
    if part:
        return {**made, "properties": {**properties, "data": entries[True]}}
    # Under defaults a data set may lack what it must have otherwise.
    with_defaults, without = ({"properties": {"data": entries[form]}} for form in (True, False))
    return {**made, "if": {"required": ["data_defaults"]}, "then": with_defaults, "else": without}


def _section(doc: str, entry: dict[str, Any], part: bool) -> dict[str, Any]:
    """Return the schema of a mapping of names to entries; null is an empty one."""
    mapping = Form(("object",), {"additionalProperties": _deletable(entry) if part else entry})
    forms = [mapping, scalar("null", {}), *([DELETED] if part else [])]
    return {"description": doc, **one_of(forms).json()}


def _deletable(entry: dict[str, Any]) -> dict[str, Any]:
    return one_of([Form(("object",), entry), DELETED]).json()


def _node(writer: SchemaWriter, part: bool) -> dict[str, Any]:
    """Return the schema of a graph node; in a whole file it names its component, or the node that it shares all weights with."""
    node = writer.spec(NodeEntry, part)
    return node if part else {**node, "anyOf": [{"required": ["use"]}, {"required": ["share"]}]}


def _stage(writer: SchemaWriter, part: bool) -> dict[str, Any]:
    """Return the schema of a stage, by its task. Its changes of the graph are a part, whatever the stage is."""
    branches = {}
    for task, type_ in STAGES.items():
        branches[task] = writer.spec(type_, part)
        properties = writer.definition(branches[task])["properties"]
        graph = Form(("object",), {"additionalProperties": _deletable(writer.spec(NodeEntry, part=True))})
        forms = [graph, *([DELETED] if part else [])]
        properties["graph"] = {"description": properties["graph"]["description"], **one_of(forms).json()}
        properties["task"] = True  # the choice says it
        properties |= {key: {"description": f"a stage {key} which this one stands", "type": "string"} for key in PLACES}
    about = {task: inspect.getdoc(type_) or "" for task, type_ in STAGES.items()}
    absent = writer.union(branches.values()) if part else None
    return {"type": "object", **writer.choice("task", branches, about, absent, part)}
