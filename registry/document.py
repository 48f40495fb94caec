"""A config document: files joined by `extends`, command-line overrides on top, and the place where each value was written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from .errors import Location, Problem, nearest
from .tree import (
    DeleteNode,
    Entry,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    child,
    deletions,
    descend,
    dotted,
    leaves,
    merge,
    plain,
)
from .tree import (
    Path as TreePath,
)
from .yaml_text import read_yaml, write_yaml

MAX_BYTES = 4_000_000
MAX_EXTENDS = 20

Find = Callable[[str], Path | None]


class View:
    """A part of a document: plain data, and the location of everything in it."""

    def __init__(self, node: Node) -> None:
        self.node = node

    @property
    def data(self) -> Any:
        """dict, list, str, int, float, bool or None."""
        return plain(self.node)

    def at(self, *steps: str | int) -> View:
        """The part below; empty where there is nothing."""
        node: Node | None = self.node
        for step in steps:
            node = None if node is None else child(node, step)
        return View(MapNode({}, self.location(steps)) if node is None else node)

    def overlay(self, other: View) -> View:
        """This part with another merged over it, by the rules of `extends`."""
        return View(merge(self.node, other.node))

    def location(self, path: TreePath) -> Location:
        """Where the value at `path` was written, or the nearest place above it."""
        return [node.location for node in descend(self.node, path)][-1]

    def key_location(self, path: TreePath) -> Location:
        """Where the key at the end of `path` was written."""
        above = list(descend(self.node, path[:-1]))[-1]
        if isinstance(above, MapNode) and path[-1] in above.entries:
            return above.entries[str(path[-1])].key_location
        return self.location(path)

    def origins(self) -> Iterator[tuple[str, Any, Location]]:
        """Every value: dotted path, plain value, where it was written."""
        for path, node in leaves(self.node):
            yield dotted(path), plain(node), node.location


class Document(View):
    """A whole config; `problems` are the mistakes met while reading it, `files` what was read, `text` the resolved YAML."""

    def __init__(self, node: Node, problems: list[Problem], files: tuple[Path, ...]) -> None:
        super().__init__(node)
        self.problems = problems
        self.files = files

    @property
    def text(self) -> str:
        return write_yaml(self.data)


def load_document(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    find: Find = lambda name: None,
    known: Callable[[], Sequence[str]] = lambda: (),
) -> Document:
    """Read a config by path or bare name, with all that it extends, and lay the overrides over it. Collects problems.

    find: a shipped config's file by its bare name. known: their names, for suggestions.
    """
    reader = _Reader(find, known)
    root = reader.read(str(source), None, Location(str(source)), ())
    node: Node = root if root is not None else MapNode({}, Location(str(source)))
    for text in overrides:
        node = reader.override(node, text)
    for path, deleted in deletions(node):
        message = f"there is no {dotted(path)} to delete"
        reader.problems.append(Problem(message, deleted.location, "remove this line"))
    return Document(node, reader.problems, tuple(reader.files))


class _Reader:
    def __init__(self, find: Find, known: Callable[[], Sequence[str]]) -> None:
        self.find, self.known = find, known
        self.problems: list[Problem] = []
        self.files: list[Path] = []

    def read(self, name: str, base: Path | None, where: Location, trail: tuple[Path, ...]) -> Node | None:
        """One file, merged over what it extends."""
        path = self.locate(name, base, where)
        if path is None:
            return None
        if path in trail or len(trail) > MAX_EXTENDS:
            chain = " -> ".join(p.name for p in (*trail, path))
            self.problems.append(Problem(f"`extends` goes round in a circle: {chain}", where, "cut one of these links"))
            return None
        text = self.text(path, where)
        if text is None:
            return None
        shown = _shown(path)
        self.files.append(path)

        def locate(mark: yaml.Mark) -> Location:
            return Location(shown, mark.line + 1, mark.column + 1)

        node = read_yaml(text, locate, self.problems)
        if node is None:
            return None
        if not isinstance(node, MapNode):
            self.problems.append(Problem("a config must be a mapping of keys to values", node.location))
            return None
        return self.extend(node, path, trail)

    def extend(self, node: MapNode, path: Path, trail: tuple[Path, ...]) -> Node:
        entries = dict(node.entries)
        extends = entries.pop("extends", None)
        own: Node = MapNode(entries, node.location)
        if extends is None:
            return own
        items = extends.node.items if isinstance(extends.node, ListNode) else (extends.node,)
        below: Node | None = None
        for item in items:
            if not (isinstance(item, ScalarNode) and isinstance(item.value, str)):
                self.problems.append(Problem("`extends` takes a file or a list of files", item.location))
                continue
            found = self.read(item.value, path.parent, item.location, (*trail, path))
            if found is not None:
                below = found if below is None else merge(below, found)
        return own if below is None else merge(below, own)

    def locate(self, name: str, base: Path | None, where: Location) -> Path | None:
        """The file that a name means: relative to the file that extends it, or a shipped one."""
        direct = Path(name) if base is None else base / name
        for candidate in (direct, direct.with_name(f"{direct.name}.yaml"), self.find(name.removesuffix(".yaml"))):
            if candidate is not None and candidate.is_file():
                return candidate.resolve()
        names = list(self.known())
        near = nearest(name, names)
        hint = f"did you mean {near!r}? " if near else ""
        what = "is a folder, not a config" if direct.is_dir() else "there is no such config"
        self.problems.append(Problem(f"{name}: {what}", where, f"{hint}give a YAML file, or a shipped name: {', '.join(names)}"))
        return None

    def text(self, path: Path, where: Location) -> str | None:
        try:
            if path.stat().st_size > MAX_BYTES:
                self.problems.append(Problem(f"{path} is larger than a config can be ({MAX_BYTES} bytes)", where))
                return None
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            self.problems.append(Problem(f"{path} is not UTF-8 text (byte {error.start})", where, "save it as UTF-8"))
        except OSError as error:
            self.problems.append(Problem(f"{path} cannot be read: {error.strerror}", where))
        return None

    def override(self, node: Node, text: str) -> Node:
        """Lay `a.b.c=value` over a document."""
        where = Location(f"command line: {text}")
        key, equals, value_text = text.partition("=")
        if not equals or not key:
            self.problems.append(Problem(f"{text!r} is no override", where, "write KEY=VALUE, such as stages.train.steps=50"))
            return node
        value = read_yaml(value_text, lambda mark: where, self.problems) if value_text.strip() else ScalarNode(None, where)
        if value is None:
            return node
        return self.put(node, _steps(key), value, where, ())

    def put(self, node: Node, steps: Sequence[str], value: Node, where: Location, done: tuple[str, ...]) -> Node:
        step, rest = steps[0], steps[1:]
        if isinstance(node, ListNode):
            index = int(step) if step.isdigit() else -1
            if not 0 <= index < len(node.items):
                message = f"{'.'.join(done)} is a list of {len(node.items)}, and has no item {step!r}"
                self.problems.append(Problem(message, where))
                return node
            items = list(node.items)
            items[index] = self.put(items[index], rest, value, where, (*done, step)) if rest else value
            return ListNode(tuple(items), node.location)
        if not isinstance(node, MapNode):
            message = f"{'.'.join(done)} is {plain(node)!r}, which has no {step!r}"
            self.problems.append(Problem(message, where, f"set {'.'.join(done)} to a mapping, such as {{use: NAME, {step}: ...}}"))
            return node
        if rest:
            below = node.entries.get(step)
            inner: Node = MapNode({}, where) if below is None or isinstance(below.node, DeleteNode) else below.node
            made = Entry(below.key_location if below else where, self.put(inner, rest, value, where, (*done, step)))
            return MapNode({**node.entries, step: made}, node.location)
        return merge(node, MapNode({step: Entry(where, value)}, where))


def _steps(key: str) -> list[str]:
    """`a."b.c".d` -> a, b.c, d."""
    steps, quoted = [""], False
    for character in key:
        if character == '"':
            quoted = not quoted
        elif character == "." and not quoted:
            steps.append("")
        else:
            steps[-1] += character
    return steps


def _shown(path: Path) -> str:
    """A path as short as it is clear: relative to the working folder where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
