"""Structuring makes typed specs of plain data, strictly: nothing is converted in silence, and every mistake is located.

An integer is not text, and neither true nor 4.5 is an integer; 4 is a number. All mistakes are collected. Written by hand: slots
(`use:`), entries whose keys belong partly to a component, and locations would replace every hook of a general library.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from antifaz.registry.documents.document import View
from antifaz.registry.documents.tree import KeyPath
from antifaz.registry.documents.yaml_text import read_yaml
from antifaz.registry.errors import ConfigError, Location, Problem, UnknownComponentError, nearest, suggest
from antifaz.registry.plugins.components import Catalogue, Kind, none_installed, slot_kinds, spaces

from .options import key_of
from .validation import refusals

T = TypeVar("T")
Fields = Mapping[str, "attrs.Attribute[Any]"]
"""Options by their YAML keys."""


class _Invalid:
    """Stands for a value that could not be made; its problem is reported already."""


INVALID = _Invalid()

DROPPED = "; it stood beside the former `use`, and what changes `use` drops all keys beside it"
"""Added to the hint of a missing key that an extending file or an override has lost in this way."""

_SCALARS: Mapping[Any, str] = {int: "an integer", float: "a number", str: "text", bool: "true or false", type(None): "null"}


class Structurer:
    """Makes specs out of plain data, with the components of a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def structure(
        self, data: Any, type_: type[T], view: View, path: KeyPath, problems: list[Problem], *, also: Iterable[str] = ()
    ) -> T | None:
        """Make an attrs class of a mapping, or the component of a slot; None if it has a mistake, which is then in `problems`.

        view, path: where the data stand. also: keys that are accepted here and read elsewhere.
        """
        attempt = _Attempt(self.catalogue, view, problems, tuple(also))
        value = attempt.value(data, type_, path) if slot_kinds(type_) else attempt.spec(data, type_, path)
        return None if isinstance(value, _Invalid) else value


def component_of(text: str, kind: str, catalogue: Catalogue) -> Any:
    """Make the spec that a piece of YAML names: `plain`, or `{use: striped, width: 3, ...}`.

    Raises:
        ConfigError: a mistake in it.
    """
    problems: list[Problem] = []
    node = read_yaml(text, lambda mark: Location(text, mark.line + 1, mark.column + 1), problems)
    if node is not None:
        view = View(node)
        spec = _Attempt(catalogue, view, problems).component(view.data, (catalogue.kinds[kind],), ())
        if not problems:
            return spec
    raise ConfigError(problems)


class _Attempt:
    def __init__(self, catalogue: Catalogue, view: View, problems: list[Problem], also: tuple[str, ...] = ()) -> None:
        self.catalogue, self.view, self.problems, self.also = catalogue, view, problems, also

    def fail(self, path: KeyPath, message: str, hint: str | None = None, *, key: bool = False) -> _Invalid:
        where = self.view.key_location(path) if key else self.view.location(path)
        self.problems.append(Problem(message, where, hint))
        return INVALID

    def value(self, data: Any, type_: Any, path: KeyPath) -> Any:
        """Make a value of any type that a spec may have."""
        origin = get_origin(type_)
        if type_ is Any:
            return data
        if type_ in _SCALARS:
            return self.scalar(data, type_, path)
        if slot_kinds(type_):
            return self.component(data, slot_kinds(type_), path)
        if attrs.has(type_):
            return self.spec(data, type_, path)
        if (choices := choices_of(type_)) is not None:
            # 1 == True == 1.0 in Python, but not in YAML.
            same = any(type(data) is type(choice) and data == choice for choice in choices)
            chosen = type_(data) if same and isinstance(type_, type) else data
            return chosen if same else self.wrong(data, type_, path)
        if origin in (Union, types.UnionType):
            return self.union(data, get_args(type_), path)
        if origin in (tuple, list, Sequence):
            return self.sequence(data, type_, path)
        if origin in (Mapping, dict):
            return self.mapping(data, get_args(type_)[1], path)
        # Discovery refuses a spec whose types have no words (`describe`), so that this is a mistake of the core alone.
        raise TypeError(f"a spec field cannot have the type {type_!r}")

    def wrong(self, data: Any, type_: Any, path: KeyPath) -> _Invalid:
        name = f"`{path[-1]}`" if path and isinstance(path[-1], str) else "this"
        hint = None
        if (choices := choices_of(type_)) is not None:
            hint = suggest(data if isinstance(data, str) else "", [str(choice) for choice in choices], noun="values")
        return self.fail(path, f"{name} must be {describe(type_)}, not {_shown(data)}", hint)

    def scalar(self, data: Any, type_: Any, path: KeyPath) -> Any:
        if type_ is float and type(data) in (int, float):
            finite = abs(data) <= sys.float_info.max  # false for nan, and safe for an integer of any length
            return float(data) if finite else self.wrong(data, type_, path)
        return data if type(data) is type_ else self.wrong(data, type_, path)

    def union(self, data: Any, members: tuple[Any, ...], path: KeyPath) -> Any:
        fitting = [member for member in members if _fits(data, member)]
        if not fitting:
            return self.wrong(data, Union[members], path)  # noqa: UP007 (built from a tuple)
        for member in fitting[:-1]:
            trial: list[Problem] = []
            value = _Attempt(self.catalogue, self.view, trial).value(data, member, path)
            if not trial:
                return value
        return self.value(data, fitting[-1], path)

    def sequence(self, data: Any, type_: Any, path: KeyPath) -> Any:
        if not isinstance(data, list):
            return self.wrong(data, type_, path)
        members = get_args(type_)
        if get_origin(type_) is tuple and members[-1] is not Ellipsis:
            if len(data) != len(members):
                return self.wrong(data, type_, path)
            pairs = list(zip(data, members, strict=True))
        else:
            pairs = [(each, members[0]) for each in data]
        items = [self.value(each, member, (*path, i)) for i, (each, member) in enumerate(pairs)]
        return INVALID if any(isinstance(item, _Invalid) for item in items) else tuple(items)

    def mapping(self, data: Any, member: Any, path: KeyPath) -> Any:
        if not isinstance(data, Mapping):
            return self.wrong(data, Mapping[str, member], path)
        entries = {key: self.value(each, member, (*path, key)) for key, each in data.items()}
        return INVALID if any(isinstance(entry, _Invalid) for entry in entries.values()) else entries

    def component(self, data: Any, kinds: tuple[Kind, ...], path: KeyPath, around: Fields | None = None) -> Any:
        """Make a component of its name alone, or of a mapping with `use`. around: the other options of that mapping."""
        nouns = spaces(kinds)
        fields: Mapping[str, Any] = {}
        if isinstance(data, Mapping):
            if "use" not in data:
                return self.fail(path, f"this {nouns} does not say which one it is", self.unnamed(data, kinds, path))
            name, where = data["use"], (*path, "use")
            fields = {key: value for key, value in data.items() if key != "use"}
        else:
            name, where = data, path
        if not isinstance(name, str):
            return self.fail(where, f"the name of a {nouns} must be text, not {_shown(name)}")
        try:
            component = self.catalogue.find(name, [kind.name for kind in kinds])
        except UnknownComponentError as error:
            return self.fail(where, error.message, error.hint)
        noun = f"{component.kind.space} {name!r}"
        return self.spec(fields, component.spec, path, noun, around, component.declaration.moved)

    def unnamed(self, data: Mapping[str, Any], kinds: tuple[Kind, ...], path: KeyPath) -> str:
        """Return the hint for a mapping without `use`, with what has become of the keys that it had in earlier versions."""
        names = [kind.name for kind in kinds]
        known = self.catalogue.names(names)
        if not known:
            return self.meant(path) + none_installed(spaces(kinds))
        moved: dict[str, str] = {}
        for name in known:
            moved |= self.catalogue.find(name, names).declaration.moved
        advice = [f"`{key}`: {moved[key]}" for key in data if key in moved]
        return "; ".join([f"{self.meant(path)}add `use: NAME`; known names: {', '.join(known)}", *advice])

    def meant(self, path: KeyPath) -> str:
        """Name the neighbour that was probably meant, for an entry that an override or an extending file made by a slip."""
        around: Any = self.view.data
        for step in path[:-1]:
            around = around[step]
        if not path or not isinstance(around, Mapping):
            return ""
        near = nearest(str(path[-1]), [str(key) for key in around if key != path[-1]])
        return f"did you mean {near!r}? Or " if near else ""

    def spec(
        self,
        data: Any,
        type_: type,
        path: KeyPath,
        noun: str = "",
        around: Fields | None = None,
        moved: Mapping[str, str] | None = None,
    ) -> Any:
        """Make an attrs class of a mapping of its fields; a flattened field takes the keys that are no other field's.

        noun: the class in words, for messages. around: options of another spec in the same mapping, whose keys may be meant.
        moved: what to write instead of keys of earlier versions, as the component declares it.
        """
        if isinstance(data, str) and named_alone(type_) is not None:
            data = {"use": data}
        if not isinstance(data, Mapping):
            return self.wrong(data, type_, path)
        fields, flat = options_of(type_)
        of = f" of the {noun}" if noun else ""
        values = {field.name: self.value(data[key], field.type, (*path, key)) for key, field in fields.items() if key in data}
        for key, field in fields.items():
            if key not in data and field.metadata.get("unwritten") is not None:
                values[field.name] = self.value(field.metadata["unwritten"], field.type, (*path, key))
            elif key not in data and field.default is attrs.NOTHING:
                doc = field.metadata.get("doc", "")
                hint = f"add `{key}:`, {describe(field.type)}" + (f": {doc}" if doc else "")
                hint += DROPPED if self.view.was_dropped((*path, key)) else ""
                values[field.name] = self.fail(path, f"the key {key!r}{of} is missing", hint)
        others = {key: value for key, value in data.items() if key not in fields and (path or key not in self.also)}
        if flat is not None:
            values |= self.flattened(flat, others, path, fields)
            others = {}
        for key in others:
            accepted = [*fields, *(self.also if not path else ())]
            hint = (moved or {}).get(key) or _key_hint(key, accepted, {**(around or {}), **fields})
            self.fail((*path, key), f"unknown key {key!r}{of}", hint, key=True)
        if others or any(isinstance(value, _Invalid) for value in values.values()):
            return INVALID
        return self.instance(type_, values, path)

    def flattened(self, field: attrs.Attribute[Any], data: Mapping[str, Any], path: KeyPath, own: Fields) -> dict[str, Any]:
        """Return the value of a flattened field, from the keys that no other field took; nothing where its default stands."""
        member = next((each for each in (field.type, *get_args(field.type)) if slot_kinds(each)), None)
        if member is None:
            return {field.name: self.mapping(data, get_args(field.type)[1], path)}
        if not data and field.default is not attrs.NOTHING:
            return {}
        return {field.name: self.component(data, slot_kinds(member), path, own)}

    def instance(self, type_: type, values: Mapping[str, Any], path: KeyPath) -> Any:
        """Make the instance; what the spec's own checks refuse is reported, each at the option that it is about."""
        try:
            return type_(**values)
        except Exception as error:
            for refusal in refusals(type_, values, error):
                self.fail((*path, *refusal.path), refusal.message, refusal.hint)
            return INVALID


def _key_hint(key: str, accepted: Sequence[str], fields: Fields) -> str:
    """Say what was probably meant by an unknown key: the new name of an option, one of the accepted keys, or another one around."""
    renamed = next((name for name, field in fields.items() if field.metadata.get("was") == key), None)
    if renamed is not None:
        return f"it is called `{renamed}` now"
    beside = nearest(key, accepted) is None and nearest(key, fields) is not None
    return suggest(key, list(fields) if beside else accepted, noun="keys")


@functools.cache
def options_of(spec: type) -> tuple[Fields, attrs.Attribute[Any] | None]:
    """Return the fields of a spec by their YAML keys, and beside them the flattened one, if there is one."""
    fields = {key_of(field): field for field in fields_of(spec)}
    flat = next((key for key, field in fields.items() if field.metadata.get("flatten")), None)
    return {key: field for key, field in fields.items() if key != flat}, fields.get(flat or "")


def named_alone(type_: type) -> attrs.Attribute[Any] | None:
    """Return the flattened field of a class that the name of its component alone may stand for; None for any other class."""
    return next((field for field in fields_of(type_) if field.metadata.get("alone")), None)


@functools.cache
def fields_of(spec: type) -> tuple[attrs.Attribute[Any], ...]:
    """Return the fields of a spec, with the types that its annotations mean.

    Raises:
        TypeError: an annotation cannot be resolved at run time.
    """
    try:
        attrs.resolve_types(spec)
    except Exception as error:
        advice = "import what its annotations name outside of `if TYPE_CHECKING`"
        raise TypeError(f"the types of {spec.__qualname__} cannot be resolved: {error}; {advice}") from error
    return tuple(field for field in attrs.fields(spec) if field.init)


def choices_of(type_: Any) -> tuple[Any, ...] | None:
    """Return the values that a Literal or an enum takes; None for any other type."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return tuple(member.value for member in type_)
    return None


def _fits(data: Any, type_: Any) -> bool:
    """Test if data have the outer form of a type."""
    origin = get_origin(type_)
    if type_ is Any:
        return True
    if type_ is float:
        return type(data) in (int, float)
    if type_ in _SCALARS:
        return type(data) is type_
    if slot_kinds(type_):
        return isinstance(data, str | Mapping)
    if (choices := choices_of(type_)) is not None:
        return any(type(data) is type(choice) for choice in choices)
    if origin in (tuple, list, Sequence):
        return isinstance(data, list)
    if origin in (Union, types.UnionType):
        return any(_fits(data, member) for member in get_args(type_))
    if isinstance(data, str):
        return attrs.has(type_) and named_alone(type_) is not None
    return isinstance(data, Mapping)


def describe(type_: Any) -> str:
    """Put a type into words.

    Raises:
        TypeError: for a type that no YAML value becomes; discovery refuses specs that have one.
    """
    origin, members = get_origin(type_), get_args(type_)
    if type_ is Any:
        return "anything"
    if kinds := slot_kinds(type_):
        return f"a {spaces(kinds)}, by name or as a mapping with `use`"
    if (choices := choices_of(type_)) is not None:
        return "one of " + ", ".join(str(choice) for choice in choices)
    if type_ in _SCALARS:
        return _SCALARS[type_]
    if origin in (Union, types.UnionType):
        return " or ".join(describe(m) for m in members)
    if origin is tuple and members[-1] is not Ellipsis:
        return f"a list of {len(members)} ({', '.join(describe(m) for m in members)})"
    if origin in (tuple, list, Sequence):
        return f"a list (each entry {describe(members[0])})"
    if origin in (Mapping, dict) and members[0] is str:
        return f"a mapping of names to values (each {describe(members[1])})"
    if isinstance(type_, type) and attrs.has(type_):
        field = named_alone(type_)
        return "a mapping" if field is None else describe(field.type)
    name = getattr(type_, "__name__", type_)
    raise TypeError(f"no YAML value becomes a {name}; of lists and mappings, state the entries: tuple[int, ...]")


def _shown(data: Any) -> str:
    """Show a value as a person wrote it, cut to a short line."""
    if data is None:
        return "null"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, Mapping):
        return "a mapping"
    if isinstance(data, list):
        return f"a list of {len(data)}"
    text = f'the text "{data}"' if isinstance(data, str) else repr(data)
    return text if len(text) < 60 else f"{text[:57]}..."
