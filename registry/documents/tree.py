"""A YAML document as a tree in which every value knows where it was written, and how two trees merge.

The rules of merging: mappings merge recursively, everything else is replaced; a mapping whose `use` changes is replaced as a
whole, so that no stale key survives; `!delete` removes a key. A deletion that finds nothing to delete stays in the tree, for
a later merge to apply or for the reader of the tree to complain about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from antifaz.registry.errors import Location

Step = str | int
KeyPath = tuple[Step, ...]
"""The place of a node in a tree: mapping keys and list indices, from the root."""


@attrs.frozen
class ScalarNode:
    value: str | int | float | bool | None
    location: Location


@attrs.frozen
class ListNode:
    items: tuple[Node, ...]
    location: Location


@attrs.frozen
class Entry:
    """A value of a mapping, and where its key stands."""

    key_location: Location
    node: Node


@attrs.frozen
class MapNode:
    """dropped: keys of the mapping that this one replaced, because its `use` is another."""

    entries: Mapping[str, Entry]
    location: Location
    dropped: frozenset[str] = attrs.field(default=frozenset(), eq=False)


@attrs.frozen
class DeleteNode:
    """`!delete`: the key is to be removed from the mapping that this one is merged over."""

    location: Location


Node = ScalarNode | ListNode | MapNode | DeleteNode


def merge(base: Node, over: Node) -> Node:
    """Lay `over` upon `base`. Every value keeps the location of the one that set it."""
    if not (isinstance(base, MapNode) and isinstance(over, MapNode)):
        return over
    if _changes_use(base, over):
        return attrs.evolve(over, dropped=frozenset(base.entries) - {"use"})
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below is None or isinstance(below.node, DeleteNode):
            entries[key] = entry
        elif isinstance(entry.node, DeleteNode):
            del entries[key]
        else:
            entries[key] = Entry(entry.key_location, merge(below.node, entry.node))
    # A command-line override has no place that could stand for a whole mapping; a file that goes on with it has.
    return MapNode(entries, over.location if over.location.line else base.location, base.dropped | over.dropped)


def _changes_use(base: MapNode, over: MapNode) -> bool:
    names = [node.entries["use"].node for node in (base, over) if "use" in node.entries]
    return len(names) == 2 and plain(names[0]) != plain(names[1])


def plain(node: Node) -> Any:
    """Return the value without its locations: dict, list or scalar. Deletions are left out."""
    match node:
        case MapNode():
            return {k: plain(e.node) for k, e in node.entries.items() if not isinstance(e.node, DeleteNode)}
        case ListNode():
            return [plain(item) for item in node.items]
        case ScalarNode():
            return node.value
        case DeleteNode():
            return None


def with_locations(value: Any, location: Location) -> Node:
    """Return the tree of a plain value, all of it set at one place.

    Raises:
        TypeError: for keys and values that YAML has no word for.
    """
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys must be strings: {list(value)!r}")
        return MapNode({k: Entry(location, with_locations(v, location)) for k, v in value.items()}, location)
    if isinstance(value, list | tuple):
        return ListNode(tuple(with_locations(item, location) for item in value), location)
    if value is None or isinstance(value, str | int | float | bool):
        return ScalarNode(value, location)
    raise TypeError(f"{value!r} is not a YAML value: expected a mapping, list, string, number, boolean or None")


def descend(node: Node, path: KeyPath) -> Iterator[Node]:
    """Yield the node and those below it along `path`, as far as they exist."""
    yield node
    for step in path:
        below = child(node, step)
        if below is None:
            return
        node = below
        yield node


def child(node: Node, step: Step) -> Node | None:
    if isinstance(node, MapNode) and isinstance(step, str) and step in node.entries:
        return node.entries[step].node
    if isinstance(node, ListNode) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def deletions(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, DeleteNode]]:
    """Yield the deletions that found nothing to delete, each with its place."""
    if isinstance(node, DeleteNode):
        yield path, node
    elif isinstance(node, MapNode):
        for key, entry in node.entries.items():
            yield from deletions(entry.node, (*path, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from deletions(item, (*path, index))


def leaves(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
    """Yield what a person would call a value: scalars, lists of scalars, and empty mappings."""
    if isinstance(node, MapNode) and node.entries:
        for key, entry in node.entries.items():
            yield from leaves(entry.node, (*path, key))
    elif isinstance(node, ListNode) and any(not isinstance(item, ScalarNode) for item in node.items):
        for index, item in enumerate(node.items):
            yield from leaves(item, (*path, index))
    elif not isinstance(node, DeleteNode):
        yield path, node


def dotted(path: KeyPath) -> str:
    """Write a path as on the command line: `garden.fence.colour`, `prices."oak.red"`."""
    return ".".join(f'"{s}"' if isinstance(s, str) and (set(s) & set('.="') or not s) else str(s) for s in path)
