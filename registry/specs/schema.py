"""The JSON Schema (2020-12) of specs and components: what an editor completes and checks while a config is written.

It accepts whatever the structurer accepts, and refuses misspelt keys and wrong types. Every value has two forms. The whole one is
for what is complete as it stands. The part is for a file that lies over others, where any key may come from below or be deleted:
nothing is required, and an entry without `use` takes the keys of all components. Entries of lists are always whole, since lists are
replaced, not merged. What an editor sees differs from what the structurer sees in two ways: `${env:NAME}` is still text, and
`!delete` is an empty text or null.
"""

from __future__ import annotations

import enum
import inspect
import math
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin
from urllib.parse import quote, unquote

import attrs

from antifaz.registry.plugins.components import Catalogue, Component, Kind, slot_kinds

from .options import Bounds, key_of
from .schema_forms import DELETED, ENVIRONMENT, Form, Json, anything, array, choices, one_of, record, scalar
from .structuring import choices_of, describe, fields_of, named_alone

JSON_TYPES: Mapping[Any, str] = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


class SchemaWriter:
    """Writes schemas of types; what is used more than once goes to `definitions`, the `$defs` of the document around them.

    Its methods write the whole form of a value, or with `part` the other one; see the top of this file.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.definitions: dict[str, Json] = {"environment": ENVIRONMENT}
        self._names: dict[str, type] = {}

    def form(self, type_: Any, part: bool = False, bounds: Bounds | None = None) -> Form:
        """Write the form of a type. bounds: of its numbers.

        Raises:
            TypeError: for a type that no YAML value becomes.
        """
        origin, members = get_origin(type_), get_args(type_)
        if type_ is Any:
            return anything()
        if kinds := slot_kinds(type_):
            return Form(("object", "string"), self._slot(kinds, part))
        if (values := choices_of(type_)) is not None:
            return choices(values)
        if type_ in JSON_TYPES:
            return scalar(JSON_TYPES[type_], _limits(bounds) if type_ in (int, float) else {})
        if origin in (Union, types.UnionType):
            return one_of([self.form(member, part, bounds) for member in members])
        if origin is tuple and members[-1] is not Ellipsis:
            return array([self.form(member, bounds=bounds).json() for member in members])
        if origin in (tuple, list, Sequence):
            return array(self.form(members[0], bounds=bounds).json())
        if origin in (Mapping, dict):
            return Form(("object",), {"additionalProperties": self.value(members[1], part, bounds)})
        if isinstance(type_, type) and attrs.has(type_):
            return Form(("object",) if named_alone(type_) is None else ("object", "string"), self.spec(type_, part))
        raise TypeError(f"no YAML value becomes a {type_!r}")

    def value(self, type_: Any, part: bool = False, bounds: Bounds | None = None) -> Json:
        """Write the schema of a mapping's value: in a part, it may be a deletion."""
        form = self.form(type_, part, bounds)
        return (one_of([form, DELETED]) if part else form).json(describe(type_))

    def spec(self, type_: type, part: bool = False) -> Json:
        """Refer to the definition of an attrs class; where it takes the keys of a component too, to the choice of components."""
        name = _form_name(self._unique(type_), part)
        if name not in self.definitions:
            self.definitions[name] = {}  # taken, for specs that hold themselves
            left = next((field for field in fields_of(type_) if field.metadata.get("flatten")), None)
            kinds = () if left is None else _kinds_within(left.type)
            if left is None or not kinds:
                schema = self._options(type_, part)
            else:
                schema = self._entry(type_, kinds, part, optional=left.default is not attrs.NOTHING)
            self.definitions[name] = schema
        return _reference(name)

    def choice(self, key: str, branches: Mapping[str, Json], about: Mapping[str, str], absent: Json | None, part: bool) -> Json:
        """Write the schema of a mapping whose value at `key` says which branch describes it.

        about: a line for each branch. absent: describes a mapping without the key; where it is None, the key is required.
        """
        named: Json = {"enum": list(branches), "enumDescriptions": [about[name] for name in branches]}
        alternatives: list[Json] = [named, _reference("environment"), *([DELETED.json()] if part else [])]
        cases = [
            {"if": {"type": "object", "required": [key], "properties": {key: {"const": name}}}, "then": branch}
            for name, branch in branches.items()
        ]
        if absent is not None:
            cases.append({"if": {"type": "object", "not": {"required": [key]}}, "then": absent})
        required = {} if absent is not None else {"required": [key]}
        return {"properties": {key: {"anyOf": alternatives}}, **required, **({"allOf": cases} if cases else {})}

    def union(self, branches: Iterable[Json]) -> Json:
        """Write the schema of a mapping with the keys of all these definitions, for a part that does not name one."""
        by_key: dict[str, list[Json]] = {}
        closed = True
        for branch in branches:
            definition = self.definition(branch)
            closed = closed and definition.get("additionalProperties") is False
            for key, schema in definition.get("properties", {}).items():
                known = by_key.setdefault(key, [])
                if schema not in known:
                    known.append(schema)
        properties = {key: schemas[0] if len(schemas) == 1 else {"anyOf": schemas} for key, schemas in by_key.items()}
        return {"properties": properties, **({"additionalProperties": False} if closed else {})}

    def definition(self, reference: Json) -> Json:
        """Return the definition that a reference of this writer stands for."""
        return self.definitions[_name(reference)]

    def _slot(self, kinds: tuple[Kind, ...], part: bool) -> Json:
        """Refer to the definition of a component: its name alone, or a mapping with `use`."""
        name = _form_name("-or-".join(kind.name for kind in kinds), part)
        if name not in self.definitions:
            self.definitions[name] = {}
            components = self._components(kinds)
            branches = {each.name: self._component(each, part) for each in components}
            absent = self._define(f"{name}.any", self.union(branches.values())) if part else None
            choice = self.choice("use", branches, {each.name: each.summary for each in components}, absent, part)
            about = " or ".join(kind.about for kind in kinds)
            self.definitions[name] = {"description": about, **_or_name(choice, components, part)}
        return _reference(name)

    def _components(self, kinds: tuple[Kind, ...]) -> list[Component]:
        names = [kind.name for kind in kinds]
        return [self.catalogue.find(name, names) for name in dict.fromkeys(self.catalogue.names(names))]

    def _component(self, component: Component, part: bool) -> Json:
        """Refer to the definition of a component's mapping."""
        name = _form_name(f"{component.kind.name}.{component.name}", part)
        if name not in self.definitions:
            self.definitions[name] = {}
            schema = self._options(component.spec, part)
            schema["properties"] = {"use": True, **schema["properties"]}
            self.definitions[name] = {"title": f"{component.kind.name} {component.name}", **schema}
        return _reference(name)

    def _entry(self, type_: type, kinds: tuple[Kind, ...], part: bool, optional: bool) -> Json:
        """Write the schema of a class whose mapping also holds the options of a component (an entry of a section)."""
        own = self._define(_form_name(f"{self._unique(type_)}.own", part), self._options(type_, part))
        components = self._components(kinds)
        branches = {each.name: self._component_within(own, self._component(each, part)) for each in components}
        absent = own if optional else None
        if part:
            absent = self._define(_form_name(f"{self._unique(type_)}.any", part), self.union(branches.values() or [own]))
        choice = self.choice("use", branches, {each.name: each.summary for each in components}, absent, part)
        whole = {"type": "object", **choice} if named_alone(type_) is None else _or_name(choice, components, part)
        return {"description": inspect.getdoc(type_) or "", **whole}

    def _component_within(self, own: Json, inner: Json) -> Json:
        """Define an entry's mapping: its own keys first, then those of a component."""
        outer, component = self.definition(own), self.definition(inner)
        properties = {key: _below(inner, key) for key in component.get("properties", {})} | {"use": True}
        properties |= {key: _below(own, key) for key in outer["properties"]}
        needed = [k for k in component.get("required", []) if k not in outer["properties"]]
        schema: Json = {key: component[key] for key in ("title", "description") if key in component}
        others = component.get("additionalProperties", True)
        schema |= record("", properties, [*outer.get("required", []), *needed], others)
        return self._define(f"{_name(own).removesuffix('.own')}.{_name(inner).removeprefix('part.')}", schema)

    def _options(self, type_: type, part: bool) -> Json:
        """Write the schema of an attrs class, its options as properties."""
        properties: dict[str, Json] = {}
        others: Json | bool = False
        for field in fields_of(type_):
            if field.metadata.get("flatten"):
                # Keys of a component are written into the mappings around this one; a mapping's values are here.
                others = False if _kinds_within(field.type) else self.value(get_args(field.type)[1], part)
            else:
                properties[key_of(field)] = self._option(field, part)
        return record(inspect.getdoc(type_) or "", properties, [] if part else _required(type_), others)

    def _option(self, field: attrs.Attribute[Any], part: bool) -> Json:
        bounds = field.validator if isinstance(field.validator, Bounds) and field.converter is None else None
        schema = self.value(field.type, part, bounds)
        doc = field.metadata.get("doc", "")
        default = _plain(field.default if field.metadata.get("unwritten") is None else field.metadata["unwritten"])
        return {
            **({"description": doc} if doc else {}),
            **schema,
            **({} if default is None else {"default": default}),
        }

    def _define(self, name: str, schema: Json) -> Json:
        self.definitions[name] = schema
        return _reference(name)

    def _unique(self, type_: type) -> str:
        """Name a class: its own name, with a number where another class has the same."""
        base = name = type_.__name__.lower()
        count = 1
        while self._names.setdefault(name, type_) is not type_:
            count += 1
            name = f"{base}-{count}"
        return name


def _or_name(choice: Json, components: Sequence[Component], part: bool) -> Json:
    """Let the name of a component alone stand for its mapping, where no option of it is required."""
    alone = [each.name for each in components if not _required(each.spec)]
    word = {"anyOf": [{"enum": alone}, _reference("environment"), *([DELETED.json()] if part else [])]}
    cases = [*choice.get("allOf", []), {"if": {"type": "string"}, "then": word}]
    return {"type": ["object", "string"], "examples": alone, **choice, "allOf": cases}


def _form_name(name: str, part: bool) -> str:
    return f"part.{name}" if part else name


def _reference(name: str) -> Json:
    """Write a pointer into `$defs`, with what JSON Pointer and URIs reserve escaped."""
    return {"$ref": f"#/$defs/{quote(name.replace('~', '~0').replace('/', '~1'), safe='~')}"}


def _name(reference: Json) -> str:
    """Return the name of the definition that a reference points to."""
    return unquote(str(reference["$ref"]).removeprefix("#/$defs/")).replace("~1", "/").replace("~0", "~")


def _below(reference: Json, key: str) -> Json:
    """Write a pointer to a property of a definition."""
    return {"$ref": f"{reference['$ref']}/properties/{quote(key.replace('~', '~0').replace('/', '~1'), safe='~')}"}


def _kinds_within(type_: Any) -> tuple[Kind, ...]:
    """Return the kinds of the slot that a flattened field is, or may be (`NodeSpec | None`)."""
    return next((kinds for each in (type_, *get_args(type_)) if (kinds := slot_kinds(each))), ())


def _required(type_: type) -> list[str]:
    """The keys that a mapping must have."""
    optional = ("flatten", "unwritten")
    return [key_of(f) for f in fields_of(type_) if f.default is attrs.NOTHING and not any(map(f.metadata.get, optional))]


def _limits(bounds: Bounds | None) -> Json:
    if bounds is None:
        return {}
    low = {"exclusiveMinimum" if bounds.above else "minimum": bounds.low}
    high = {"exclusiveMaximum" if bounds.below else "maximum": bounds.high}
    return low if math.isinf(bounds.high) else {**low, **high}


def _plain(value: Any) -> Any:
    """Return a default as YAML would have it; None for one that is null, empty or made at run time, and need not be shown."""
    if value is attrs.NOTHING:
        return None
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple | list):
        items = [_plain(item) for item in value]
        return items if items and None not in items else None
    return value if isinstance(value, str | int | float) else None
