"""The keys of a spec, or of a section of a config, as rows of a table."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

import attrs

from antifaz.registry import key_of, slot_kinds, write_yaml
from antifaz.registry.specs.options import Bounds
from antifaz.registry.specs.structuring import choices_of, fields_of, named_alone

REQUIRED = "required"
SCALARS = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}


@attrs.frozen(kw_only=True)
class OptionRow:
    """A key of a mapping.

    key: with the keys around it: `clip.seconds`, `modalities.NAME`, `transforms[].ratio`.
    type: what is accepted, in words. kinds: of the components that it takes, if it takes any.
    default: as YAML, or `required`. bounds: of its numbers, in words; empty for none.
    """

    key: str
    type: str
    kinds: tuple[str, ...]
    default: str
    bounds: str
    doc: str


def option_rows(type_: type, apart: Collection[type] = ()) -> list[OptionRow]:
    """List the keys of an attrs class, each followed by the keys below it. apart: classes whose keys are listed elsewhere."""
    return list(_rows(type_, "", tuple(apart)))


def _rows(type_: type, before: str, around: tuple[type, ...]) -> Iterator[OptionRow]:
    for field in fields_of(type_):
        if field.metadata.get("flatten"):
            yield _flattened(field, before)
            continue
        key = before + key_of(field)
        bounds = field.validator.words if isinstance(field.validator, Bounds) else ""
        yield OptionRow(
            key=key,
            type=type_in_words(field.type),
            kinds=kinds_within(field.type),
            default=_default(field),
            bounds=bounds,
            doc=_sentence(key_of(field), field.metadata.get("doc", "")),
        )
        for place, inner in _classes_within(field.type, key):
            if inner not in (*around, type_):
                yield from _rows(inner, f"{place}.", (*around, type_))


def _sentence(key: str, doc: str) -> str:
    """Return what is said of an option so that it can be read alone: `width`, "of a token" -> "width of a token"."""
    return f"{key.replace('_', ' ')} {doc}" if doc.startswith("of ") else doc


def _flattened(field: attrs.Attribute[Any], before: str) -> OptionRow:
    """Return the row of a field whose keys stand among the others: those of a component, or any names."""
    default = REQUIRED if field.default is attrs.NOTHING else ""
    if kinds := kinds_within(field.type):
        doc = "the component; its own options stand beside these keys"
        return OptionRow(key=f"{before}use", type="the name of a component", kinds=kinds, default=default, bounds="", doc=doc)
    value = type_in_words(get_args(field.type)[1])
    return OptionRow(key=f"{before}NAME", type=value, kinds=(), default="", bounds="", doc="any number of names")


def kinds_within(type_: Any) -> tuple[str, ...]:
    """Name the kinds of components that values of this type hold, themselves or in lists and mappings."""
    own = tuple(kind.name for kind in slot_kinds(type_))
    if (alone := _named_alone(type_)) is not None:
        return kinds_within(alone)
    return tuple(dict.fromkeys([*own, *(name for member in get_args(type_) for name in kinds_within(member))]))


def _named_alone(type_: Any) -> Any:
    """Return the slot of a class for which the name of its component alone may stand; None for any other type."""
    field = named_alone(type_) if isinstance(type_, type) and attrs.has(type_) else None
    return None if field is None else field.type


def _classes_within(type_: Any, key: str) -> Iterator[tuple[str, type]]:
    """Yield the attrs classes that values of this type hold, each with its place."""
    origin, members = get_origin(type_), get_args(type_)
    if slot_kinds(type_):
        return
    if isinstance(type_, type) and attrs.has(type_):
        yield key, type_
    elif origin in (Mapping, dict):
        yield from _classes_within(members[1], f"{key}.NAME")
    else:
        place = f"{key}[]" if origin in (tuple, list, Sequence) else key
        for member in members:
            yield from _classes_within(member, place)


def type_in_words(type_: Any) -> str:
    """Put the type of an option into a few words."""
    origin, members = get_origin(type_), get_args(type_)
    if kinds := slot_kinds(type_):
        return kinds[0].name if len(kinds) == 1 else f"any {kinds[0].space}"
    if (choices := choices_of(type_)) is not None:
        return f"one of {', '.join(map(as_yaml, choices))}" if len(choices) > 1 else as_yaml(choices[0])
    if type_ in SCALARS:
        return SCALARS[type_]
    if origin is tuple and members[-1] is not Ellipsis:
        alike = len(set(members)) == 1
        return f"list of {len(members)}: {type_in_words(members[0]) if alike else ', '.join(map(type_in_words, members))}"
    if origin in (tuple, list, Sequence):
        return f"list of {_as_member(members[0])}"
    if origin in (Mapping, dict):
        return f"mapping of names to {_as_member(members[1])}"
    if members:
        return " or ".join(dict.fromkeys(type_in_words(member) for member in members))
    if (alone := _named_alone(type_)) is not None:
        return type_in_words(alone)
    return "mapping" if isinstance(type_, type) and attrs.has(type_) else "anything"


def _as_member(type_: Any) -> str:
    """Put the type of the values of a list or mapping into words, in brackets where there are several."""
    words = type_in_words(type_)
    return f"({words})" if " or " in words and type_ not in SCALARS and choices_of(type_) is None else words


def _default(field: attrs.Attribute[Any]) -> str:
    value: Any = field.default
    if field.metadata.get("unwritten") is not None:
        value = field.metadata["unwritten"]
    elif value is attrs.NOTHING:
        return REQUIRED
    factory = getattr(value, "factory", None)
    return as_yaml(value if factory is None else factory())


def as_yaml(value: Any) -> str:
    """Write a default as it would stand in a config, on one line; of a class, the keys that differ from their own defaults."""
    class_: type = type(value)
    if attrs.has(class_):
        fields = {field: getattr(value, field.name) for field in fields_of(class_)}
        value = {key_of(field): each for field, each in fields.items() if each != field.default}
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {as_yaml(each)}' for key, each in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(as_yaml, value))}]"
    written = write_yaml([value]).strip()
    return written[1:-1] if written.startswith("[") else written.removeprefix("- ")
