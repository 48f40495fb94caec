"""A config document: files joined by `extends`, command-line overrides on top, and the place where each value was written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from antifaz.registry.errors import Location, Problem, nearest

from .defaults import Sections, lay_under, state_use
from .overrides import override
from .placement import Ordered, place_entries
from .tree import KeyPath, ListNode, MapNode, Node, ScalarNode, child, deletions, descend, dotted, leaves, merge, plain
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
        """Return the part below; an empty one where there is nothing."""
        node: Node | None = self.node
        for step in steps:
            node = None if node is None else child(node, step)
        return View(MapNode({}, self.location(steps)) if node is None else node)

    def overlay(self, other: View) -> View:
        """Return this part with another merged over it, by the rules of `extends`; a null or nothing changes nothing."""
        return self if plain(other.node) is None else View(merge(self.node, other.node))

    def unmatched(self) -> list[Problem]:
        """List a problem for each `!delete` in this part that found nothing to delete."""
        return _unmatched(self.node)

    def location(self, path: KeyPath) -> Location:
        """Return the place where the value at `path` was written, or the nearest place above it."""
        return [node.location for node in descend(self.node, path)][-1]

    def key_location(self, path: KeyPath) -> Location:
        """Return the place where the key at the end of `path` was written."""
        above = list(descend(self.node, path[:-1]))[-1]
        if isinstance(above, MapNode) and path[-1] in above.entries:
            return above.entries[str(path[-1])].key_location
        return self.location(path)

    def was_dropped(self, path: KeyPath) -> bool:
        """Return True if the key at the end of `path` was lost with a former `use` that stood beside it."""
        above = list(descend(self.node, path[:-1]))
        return len(above) == len(path) and isinstance(above[-1], MapNode) and path[-1] in above[-1].dropped

    def origins(self) -> Iterator[tuple[str, Any, Location]]:
        """Yield every value: dotted path, plain value, and the place where it was written."""
        for path, node in leaves(self.node):
            yield dotted(path), plain(node), node.location


class Document(View):
    """A whole config; `problems` are the mistakes met while reading it, `files` what was read, `text` the resolved YAML.

    whole: every file and all defaults could be read; otherwise what seems to be missing may stand in the others.
    """

    def __init__(self, node: Node, problems: list[Problem], files: tuple[Path, ...], whole: bool) -> None:
        super().__init__(node)
        self.problems = problems
        self.files = files
        self.whole = whole

    @property
    def text(self) -> str:
        return write_yaml(self.data)


def load_document(
    source: str | Path,
    overrides: Sequence[str] = (),
    *,
    find: Find = lambda name: None,
    known: Callable[[], Sequence[str]] = lambda: (),
    overlays: Sequence[tuple[str, ...]] = (),
    defaults: Sections | None = None,
    ordered: Ordered | None = None,
) -> Document:
    """Read a config by path or bare name, with all that it extends, and lay the overrides over it. Collects problems.

    find: a shipped config's file by its bare name. known: their names, for suggestions.
    overlays: patterns of paths ("*" is any key) to parts that are laid over others, in which a `!delete` may wait for that.
    defaults: the key of a section -> the key of what its entries have in common.
    ordered: the key of a section whose entries may name their place -> what one of them is called.
    """
    sections, places = defaults or {}, ordered or {}
    reader = _Reader(find, known, sections, places)
    reader.read(str(source), None, Location(str(source)), ())
    nowhere = Location(_shown(reader.files[0]), 1, 1) if reader.files else Location(str(source))
    node: Node = reader.merged() or MapNode({}, nowhere)
    for text in overrides:
        node = override(node, text, reader.problems)
    node = place_entries(node, places, reader.problems)
    node, laid = lay_under(node, sections, reader.problems)
    reader.problems.extend(_unmatched(node, keep=tuple(overlays)))
    return Document(node, reader.problems, tuple(reader.files), reader.whole and laid)


def _unmatched(root: Node, keep: Sequence[tuple[str, ...]] = ()) -> list[Problem]:
    """List a problem for each `!delete` that found nothing to delete, except below the paths to keep."""
    problems = []
    for path, deleted in deletions(root):
        if any(len(path) > len(k) and all(a in ("*", b) for a, b in zip(k, path, strict=False)) for k in keep):
            continue
        above = plain([*descend(root, path[:-1])][-1])
        near = nearest(str(path[-1]), above) if path and isinstance(above, dict) else None
        hint = f"did you mean {near!r}?" if near else "`!delete` removes what an extended file has set; none sets this"
        problems.append(Problem(f"there is no {dotted(path) or 'document'} to delete", deleted.location, hint))
    return problems


class _Reader:
    """Reads files and what they extend. Each file counts once, where it was first reached: bases first, later files win."""

    def __init__(self, find: Find, known: Callable[[], Sequence[str]], sections: Sections, ordered: Ordered) -> None:
        self.find, self.known, self.sections, self.ordered = find, known, sections, ordered
        self.problems: list[Problem] = []
        self.files: list[Path] = []
        self.layers: list[Node] = []
        self.whole = True

    def merged(self) -> Node | None:
        if not self.layers:
            return None
        first, *others = self.layers
        return functools.reduce(lambda below, over: self.settled(merge(below, over)), others, self.settled(first))

    def settled(self, layer: Node) -> Node:
        """Finish what lies over each other so far: what the next file says of it is about this."""
        return place_entries(state_use(layer, self.sections), self.ordered, self.problems)

    def read(self, name: str, base: Path | None, where: Location, trail: tuple[Path, ...]) -> None:
        """Lay one file upon the ones that it extends."""
        path = self.locate(name, base, where)
        if path is None:
            self.whole = False
            return
        if path in trail or len(trail) > MAX_EXTENDS:
            chain = " -> ".join(p.name for p in (*trail, path))
            self.problems.append(Problem(f"`extends` goes round in a circle: {chain}", where, "cut one of these links"))
            return
        if path in self.files:
            return
        text = self.text(path, where)
        if text is None:
            self.whole = False
            return
        shown = _shown(path)
        self.files.append(path)

        def locate(mark: yaml.Mark) -> Location:
            return Location(shown, mark.line + 1, mark.column + 1)

        known = len(self.problems)
        node = read_yaml(text, locate, self.problems)
        if isinstance(node, MapNode):
            self.extend(node, path, trail)
            return
        self.whole = False
        if node is not None or len(self.problems) == known:
            place = Location(shown, 1, 1) if node is None else node.location
            self.problems.append(Problem("a config must be a mapping of keys to values", place))

    def extend(self, node: MapNode, path: Path, trail: tuple[Path, ...]) -> None:
        entries = dict(node.entries)
        extends = entries.pop("extends", None)
        if extends is not None:
            for item in extends.node.items if isinstance(extends.node, ListNode) else (extends.node,):
                if isinstance(item, ScalarNode) and isinstance(item.value, str):
                    self.read(item.value, path.parent, item.location, (*trail, path))
                else:
                    self.problems.append(Problem("`extends` takes a file or a list of files", item.location))
        self.layers.append(MapNode(entries, node.location))

    def locate(self, name: str, base: Path | None, where: Location) -> Path | None:
        """Find the file that a name means: relative to the file that extends it, or a shipped one."""
        direct = Path(name) if base is None else base / name
        fault = "there is no such config"
        try:
            if direct.is_dir():
                fault = "is a folder, not a config"
            suffixed = direct.parent / f"{direct.name}.yaml"
            for candidate in (direct, suffixed, self.find(name.removesuffix(".yaml"))):
                if candidate is not None and candidate.is_file():
                    return candidate.resolve()
        except OSError as error:  # a name that the file system refuses, a folder that may not be entered
            fault = str(error.strerror)
        names = list(self.known())
        near = nearest(name, names)
        hint = f"did you mean {near!r}? " if near else ""
        folder = name.rpartition("/")[0]  # of the many that are shipped, those that stand beside what was meant
        beside = [known for known in names if known.rpartition("/")[0] == folder] or names
        more = sorted({f"{known.rpartition('/')[0]}/..." for known in names if known not in beside and "/" in known})
        listing = ", ".join([*beside, *more])
        message = f"{name!r}: {fault}" if base else fault  # what the command line names is the location itself
        self.problems.append(Problem(message, where, f"{hint}give a YAML file, or a shipped name: {listing}"))
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


def _shown(path: Path) -> str:
    """Show a path as short as it is clear: relative to the working folder where it is below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
