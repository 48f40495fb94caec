"""Components: what can be named by `use:` in YAML, who declared it, and the catalogue that holds them all.

A component is a frozen attrs class (its spec) under a decorator that states its kind and name. The decorator only attaches the
statement; nothing is registered by importing a file. A plugin hands its specs over in the `antifaz_components` hook.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

import attrs

from antifaz.registry.errors import PluginError, UnknownComponentError, suggest

SpecClass = TypeVar("SpecClass", bound=type)


@attrs.frozen(kw_only=True)
class Kind:
    """A sort of component. Names are unique within a `space`: all kinds that stand in the same place of a YAML file."""

    name: str
    space: str
    about: str


@attrs.frozen
class Declaration:
    """The statement that the decorator attaches to a spec.

    arguments: names of the inputs, in order, for a kind that has them.
    moved: what to write instead of a key that the mapping had in earlier versions: {key: advice}.
    """

    kind: str
    name: str
    arguments: tuple[str, ...] = ()
    moved: Mapping[str, str] = attrs.field(factory=dict, eq=False)


def component(
    kind: str, name: str, *, arguments: Iterable[str] = (), moved: Mapping[str, str] | None = None
) -> Callable[[SpecClass], SpecClass]:
    """Declare a frozen attrs class as the component `name` of a kind, by the kind's name.

    arguments, moved: see `Declaration`; a key that only changed its name is stated by `option(was=...)` instead.
    """
    declaration = Declaration(kind, name, tuple(arguments), moved or {})

    def declare(spec: SpecClass) -> SpecClass:
        if not attrs.has(cast(type, spec)):
            raise TypeError(f"{spec.__name__} must be an attrs class to be the {kind} {name!r}")
        setattr(spec, "__antifaz__", declaration)  # noqa: B010 (a type checker knows no such attribute)
        return spec

    return declare


def declaration_of(spec: type | object) -> Declaration:
    """Return the declaration of a spec class or of one of its instances."""
    declaration = (spec if isinstance(spec, type) else type(spec)).__dict__.get("__antifaz__")
    if not isinstance(declaration, Declaration):
        raise TypeError(f"{spec!r} is not a component: decorate it with antifaz.registry.component(kind, name)")
    return declaration


def slot(*kinds: Kind) -> Callable[[SpecClass], SpecClass]:
    """Mark a Protocol as the type of a spec field that takes a component of one of these kinds (`colour: Colour`)."""

    def mark(protocol: SpecClass) -> SpecClass:
        protocol.__antifaz_slot__ = kinds  # type: ignore[attr-defined]
        return protocol

    return mark


def slot_kinds(annotation: Any) -> tuple[Kind, ...]:
    """Return the kinds that a field of this type takes; none if it takes no component."""
    kinds: tuple[Kind, ...] = getattr(annotation, "__dict__", {}).get("__antifaz_slot__", ())
    return kinds


def spaces(kinds: Iterable[Kind]) -> str:
    """Name what stands where these kinds are accepted: `graph node`."""
    return " or ".join(sorted({kind.space for kind in kinds}))


def none_installed(noun: str) -> str:
    """Return the hint for a component of kinds that no plugin has components of."""
    return f"no {noun} is installed; `-p FILE` adds those of a plugin file"


@attrs.frozen
class Component:
    """A spec class in the catalogue, its kind, and the plugin that owns it."""

    spec: type
    kind: Kind
    owner: str

    @property
    def declaration(self) -> Declaration:
        return declaration_of(self.spec)

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def summary(self) -> str:
        """The first line of the spec's docstring."""
        return (self.spec.__doc__ or "").strip().partition("\n")[0]


class Catalogue:
    """Every component that can be named, by space and name.

    Args:
        kinds: all that there are, by name.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = kinds
        self._spaces: dict[str, dict[str, Component]] = {}

    def add(self, specs: Iterable[type], owner: str) -> None:
        """Take all specs of a plugin, or none of them if one has a name that is taken.

        Raises:
            PluginError: an unknown kind, or a contested name, with both of its owners.
        """
        new = [Component(spec, self._kind_of(spec), owner) for spec in specs]
        seen: dict[tuple[str, str], Component] = {}
        for each in new:
            key = (each.kind.space, each.name)
            rival = seen.get(key) or self._spaces.get(each.kind.space, {}).get(each.name)
            if rival is not None:
                raise PluginError(
                    f"the {each.kind.space} {each.name!r} of plugin {owner!r} is taken already by plugin {rival.owner!r}",
                    hint="rename one of them or uninstall one of the plugins",
                )
            seen[key] = each
        for (space, name), each in seen.items():
            self._spaces.setdefault(space, {})[name] = each

    def names(self, kinds: Iterable[str]) -> list[str]:
        """List the names that may stand where these kinds are accepted, sorted."""
        wanted = set(kinds)
        return sorted(component.name for component in self if component.kind.name in wanted)

    def find(self, name: str, kinds: Iterable[str]) -> Component:
        """Return the component `name` of one of these kinds, which are given by name.

        Raises:
            UnknownComponentError: with the nearest name and all known ones.
        """
        kinds = tuple(kinds)
        for each in self:
            if each.name == name and each.kind.name in kinds:
                return each
        noun, known = spaces(self.kinds[kind] for kind in kinds), self.names(kinds)
        hint = suggest(name, known, noun="names") if known else none_installed(noun)
        raise UnknownComponentError(f"unknown {noun} {name!r}", hint=hint)

    def __iter__(self) -> Iterator[Component]:
        for space in sorted(self._spaces):
            for name in sorted(self._spaces[space]):
                yield self._spaces[space][name]

    def _kind_of(self, spec: type) -> Kind:
        declaration = declaration_of(spec)
        if declaration.kind not in self.kinds:
            hint = suggest(declaration.kind, list(self.kinds), noun="kinds")
            raise PluginError(f"{spec.__name__} is declared as the unknown kind {declaration.kind!r}", hint=hint)
        return self.kinds[declaration.kind]
