"""Discovery of plugins: the entry points of the group `antifaz`, one by one and guarded, and files named on the command line."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pluggy

from antifaz.registry.errors import PluginError, UnknownComponentError, suggest
from antifaz.registry.failures import FILE_MODULE
from antifaz.registry.specs.structuring import describe, fields_of

from .components import Catalogue, Component, Kind, declaration_of
from .markers import PROJECT, hookimpl

GROUP = "antifaz"


@attrs.frozen
class PluginRow:
    """A plugin in the list of all: what it brings, or why it could not be loaded."""

    name: str
    origin: str
    distribution: str
    version: str
    components: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    error: str | None = None


class _KnowingCatalogue(Catalogue):
    """A catalogue whose "unknown name" also says which plugins are missing because they could not be loaded."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        super().__init__(kinds)
        self.failures: list[PluginRow] = []

    def find(self, name: str, kinds: Iterable[str]) -> Component:
        try:
            return super().find(name, kinds)
        except UnknownComponentError as error:
            lost = "".join(f"; the plugin {row.name!r} could not be loaded: {row.error}" for row in self.failures)
            raise UnknownComponentError(error.message, hint=f"{error.hint}{lost}") from None


@attrs.frozen(eq=False)
class Plugins:
    """Everything that is installed: the catalogue of components, pluggy's manager for hooks, and a row for each plugin."""

    catalogue: Catalogue
    manager: pluggy.PluginManager
    rows: tuple[PluginRow, ...]


class _FromPython:
    """A plugin of component classes that Python code has given."""

    def __init__(self, components: Sequence[type]) -> None:
        self.components = list(components)

    @hookimpl
    def antifaz_components(self) -> list[type]:
        return self.components


def discover_plugins(
    files: Sequence[str | Path], components: Sequence[type] = (), *, kinds: Mapping[str, Kind], hooks: ModuleType
) -> Plugins:
    """Load every installed plugin, the given Python files and the given component classes.

    An installed plugin that fails is a row with its reason and nothing else.

    kinds: of components, by name. hooks: the module of the hook specifications.

    Raises:
        PluginError: a given file or class that cannot be loaded, or that claims a taken name.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hooks)
    catalogue = _KnowingCatalogue(kinds)
    rows = []
    for entry in _entry_points():
        distribution = entry.dist.name if entry.dist else "?"
        row = PluginRow(entry.name, entry.value, distribution, entry.dist.version if entry.dist else "?")
        try:
            row = _register(row, entry.load(), manager, catalogue)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # extension modules raise their own kinds of it
            row = attrs.evolve(row, error=_reason(error, manager))
            catalogue.failures.append(row)
        rows.append(row)
    for file in dict.fromkeys(Path(file).resolve() for file in files):
        rows.append(_load_file(file, manager, catalogue))
    if components:
        try:
            row = PluginRow("given", "given from Python", "-", "-")
            rows.append(_register(row, _FromPython(components), manager, catalogue))
        except Exception as error:
            raise PluginError(f"the given components cannot be used: {_reason(error, manager)}") from None
    return Plugins(catalogue, manager, tuple(rows))


def _entry_points() -> list[metadata.EntryPoint]:
    """List entry points, built-in plugins first, then by name: nothing depends on the order of installation."""
    found = {(e.name, e.value): e for e in metadata.entry_points(group=GROUP)}
    return sorted(found.values(), key=lambda e: (e.dist is None or e.dist.name != "antifaz", e.name, e.value))


def _register(row: PluginRow, module: Any, manager: pluggy.PluginManager, catalogue: Catalogue) -> PluginRow:
    """Take a plugin's hooks and components, or neither.

    A module is any object with hook implementations.
    """
    if manager.has_plugin(row.name):
        raise PluginError(f"a plugin named {row.name!r} is already loaded")
    manager.register(module, row.name)
    try:
        manager.check_pending()
        hooks_of_it = tuple(caller.name for caller in manager.get_hookcallers(module) or [])
        if not hooks_of_it:
            hint = "mark `antifaz_components` with antifaz.registry.hookimpl"
            raise PluginError("it implements no hook", hint=hint)
        others = [plugin for plugin in manager.get_plugins() if plugin is not module]
        answers = manager.subset_hook_caller("antifaz_components", others)()
        specs = [spec for answer in answers for spec in answer]
        _check_types(specs)
        catalogue.add(specs, row.name)
    except BaseException:
        manager.unregister(module)
        raise
    return attrs.evolve(row, components=tuple(declaration_of(spec).name for spec in specs), hooks=hooks_of_it)


def _check_types(specs: Iterable[type]) -> None:
    """Refuse a spec that could not be read from YAML, while its plugin can still be named."""
    for spec in specs:
        declaration_of(spec)
        for field in fields_of(spec):
            try:
                describe(field.type)
            except TypeError as error:
                raise TypeError(f"{spec.__qualname__}.{field.name}: {error}") from None


def _load_file(path: Path, manager: pluggy.PluginManager, catalogue: Catalogue) -> PluginRow:
    if not path.is_file():
        raise PluginError(f"the plugin file {path} does not exist")
    name = f"{path.stem}"
    digest = hashlib.blake2b(str(path.resolve()).encode(), digest_size=6).hexdigest()
    try:
        module = _module(f"{FILE_MODULE}{path.stem}_{digest}", path)
        return _register(PluginRow(name, str(path), "file", "-"), module, manager, catalogue)
    except (Exception, SystemExit) as error:
        raise PluginError(f"the plugin file {path} could not be loaded: {_reason(error, manager)}") from None


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # attrs and dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _reason(error: BaseException, manager: pluggy.PluginManager) -> str:
    """Say in one line what went wrong, and in which line of the plugin."""
    if isinstance(error, PluginError):
        return f"{error.message}; {error.hint}" if error.hint else error.message
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, pluggy.PluginValidationError):
        return _hook_words(str(error), manager)
    place = _place(error)
    return f"{type(error).__name__}{f': {text}' if text else ''}{f' ({place})' if place else ''}"


def _hook_words(message: str, manager: pluggy.PluginManager) -> str:
    """Shorten pluggy's complaint about a hook to one line."""
    known = [name for name, caller in vars(manager.hook).items() if getattr(caller, "spec", None) is not None]
    found = re.search(r"unknown hook '(\w+)'", message)
    if found is not None:
        return f"unknown hook {found[1]!r}; {suggest(found[1], known, noun='hooks')}"
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return f"{lines[0]}: {lines[-1]}" if len(lines) > 1 else message


def _place(error: BaseException) -> str | None:
    """Return file:line of the innermost frame in the plugin's own code, None where it never got there."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    machinery = (Path(__file__).parents[1], Path(pluggy.__file__).parent, Path(importlib.util.__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and not any(place in Path(frame.filename).parents for place in machinery)
    ]
    if not frames:
        return None
    first = Path(frames[0].filename)
    package = first.parent if first.name == "__init__.py" else first
    own = [frame for frame in frames if package in (Path(frame.filename), *Path(frame.filename).parents)]
    return f"{own[-1].filename}:{own[-1].lineno}"
