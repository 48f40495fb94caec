"""Code on the pages of docs/reference: members of protocols, and pieces of what implements them."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from reference_examples import USES

from antifaz.cli.new.skeleton import write_skeleton
from antifaz.core import interfaces

ROOMS = ("antifaz.data", "antifaz.layers", "antifaz.plugins", "antifaz.engine")
"""In which implementations are looked for; in the last one only where the others have none."""
SKELETONS = {"SampleSet": "dataset", "Decoder": "decoder", "Metric": "metric", "Logger": "logger", "Callback": "callback"}
"""Protocols whose example is the module of a skeleton, on the page of this kind."""
OURS = {"RunContext": "antifaz.engine.context.Context", "TrainingState": "antifaz.engine.training.state.StageState"}
"""Protocols that the engine implements and plugins are given."""
SHIPPED = {"HasViews": "antifaz.data.samples.MediaSamples"}
"""Protocols whose members other classes have too, with another meaning, and what implements them."""


@cache
def skeleton_code(kind: str) -> tuple[str, ...]:
    """Return the spec of a kind's skeleton, and its module where it has one, each under the name of its file."""
    with tempfile.TemporaryDirectory() as folder:
        files = [path for path in write_skeleton("my-plugin", [kind], Path(folder)) if path.stem in (kind, f"{kind}_module")]
        return tuple(f"# src/my_plugin/{path.name}\n{path.read_text(encoding='utf-8')}" for path in files)


def protocols() -> dict[ModuleType, list[type]]:
    """Return the public protocols by the module that declares them, in the order of the source."""
    listed: dict[str, list[type]] = {}
    for value in vars(interfaces).values():
        if isinstance(value, type) and getattr(value, "_is_protocol", False):
            listed.setdefault(value.__module__, []).append(value)
    modules = {importlib.import_module(name): members for name, members in sorted(listed.items())}
    return {module: sorted(members, key=lambda each: _line(module, each)) for module, members in modules.items()}


def _line(module: ModuleType, class_: type) -> int:
    return inspect.getsource(module).index(f"class {class_.__name__}(")


def members_of(protocol: type) -> dict[str, Any]:
    """Return a protocol's own members: methods, properties, and attributes with their annotations."""
    own = {name: value for name, value in vars(protocol).items() if inspect.isfunction(value) or isinstance(value, property)}
    own = {name: value for name, value in own.items() if name == "__call__" or name == "__len__" or not name.startswith("_")}
    return {**{name: note for name, note in protocol.__annotations__.items() if not name.startswith("_")}, **own}


def member_lines(protocol: type) -> str:
    """Return a list of a protocol's members with their docstrings."""
    lines = []
    for name, member in members_of(protocol).items():
        if not inspect.isfunction(member) and not isinstance(member, property):
            lines.append(f"* `{name}: {getattr(member, '__name__', member)}`\n")
            continue
        function = member.fget if isinstance(member, property) else member
        signature = str(inspect.signature(function)).replace("'", "")
        shown = f"{name}: {signature.partition(' -> ')[2]}" if isinstance(member, property) else f"{name}{signature}"
        shown = shown.replace("(self, ", "(").replace("(self)", "()")
        doc = textwrap.indent(inspect.getdoc(function) or "", "  ")
        lines.append(f"* `{shown}`\n{doc}\n" if doc else f"* `{shown}`\n")
    return "".join(lines)


def implementation(protocol: type) -> tuple[str, str] | None:
    """Return where something shipped implements a protocol, and its members' code there; None where nothing does so."""
    name = protocol.__name__
    if name in SKELETONS:
        kind = SKELETONS[name]
        return f"which `antifaz new` writes for the kind [{kind}]({kind}.md#your-own)", skeleton_code(kind)[-1]
    if name in USES:
        return (f"of its use (the engine implements it, as `{OURS[name]}`)" if name in OURS else "in short"), USES[name]
    classes = [class_ for class_ in _classes() if SHIPPED.get(name) in (None, f"{class_.__module__}.{class_.__qualname__}")]
    found = [(code, class_) for class_ in classes if (code := _piece(class_, members_of(protocol))) is not None]
    if not found:
        return None
    code, class_ = min(found, key=lambda pair: (pair[1].__module__.startswith(ROOMS[-1]), len(pair[0]), pair[1].__qualname__))
    return f"from `{class_.__module__}`", code


@cache
def _classes() -> tuple[type, ...]:
    """Return the classes of the rooms in which implementations are looked for."""
    classes: dict[type, None] = {}
    for room in ROOMS:
        for module in _modules(importlib.import_module(room)):
            named = inspect.getmembers(module, inspect.isclass)
            classes |= {class_: None for _, class_ in named if class_.__module__ == module.__name__}
    return tuple(classes)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for info in sorted(pkgutil.walk_packages(package.__path__, f"{package.__name__}."), key=lambda each: each.name):
        yield importlib.import_module(info.name)


def _piece(class_: type, members: Mapping[str, Any]) -> str | None:
    """Return a class reduced to these members; None if it lacks one of them."""
    methods = [name for name, member in members.items() if inspect.isfunction(member)]
    pieces = [_member_code(class_, name) for name in members]
    if None in pieces or not all(inspect.isfunction(vars(class_).get(name)) for name in methods):
        return None
    return f"class {class_.__name__}:\n    ...\n\n" + "\n\n".join(piece for piece in pieces if piece is not None)


def _member_code(class_: type, name: str) -> str | None:
    """Return the source of a member that a class itself has, or the statement that sets it."""
    own = vars(class_).get(name)
    function = own.fget if isinstance(own, property) else own
    if inspect.isfunction(function):
        return textwrap.indent(textwrap.dedent(inspect.getsource(function)).rstrip(), "    ")
    lines = inspect.getsource(class_).splitlines()
    for number, line in enumerate(lines):
        if re.match(rf"    {name}\b.*= ", line):
            return _statement(lines[number:])
        if re.match(rf"        (self\.\w+, )*self\.{name}\b.*= ", line):
            return "    def __init__(self, ...):\n        ...\n" + _statement(lines[number:])
    return None


def _statement(lines: list[str]) -> str:
    """Return the first statement of these lines, to where its brackets close."""
    code = ""
    for line in lines:
        code += f"{line}\n"
        if sum(map(code.count, "([{")) == sum(map(code.count, ")]}")):
            break
    return code.rstrip()
