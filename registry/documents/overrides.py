"""Command-line overrides: `garden.fence.colour=green` lays a value over a document at a dotted path.

The value is YAML (`size=[2, 16]`, `colour={use: striped}`, `gate=!delete`); a number in the path is the index of a list entry; a
key with a dot in it is quoted (`prices."oak.red"=[3]`). Values merge by the rules of `extends`.
"""

from __future__ import annotations

import re

import attrs

from antifaz.registry.errors import Location, Problem

from .tree import DeleteNode, Entry, KeyPath, ListNode, MapNode, Node, ScalarNode, merge, plain
from .tree import dotted as written
from .yaml_text import read_yaml

_STEP = re.compile(r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^."'=]+))(?P<end>[.=])""")


def override(root: Node, text: str, problems: list[Problem]) -> Node:
    """Lay `a.b.c=value` over the tree; a mistake is added to `problems` and leaves the tree as it is."""
    where = Location(f"command line: {text}")
    parsed = _split(text)
    if parsed is None:
        problems.append(Problem(f"{text!r} is not an override", where, "write KEY=VALUE, such as section.entry.option=50"))
        return root
    path, value_text = parsed
    if path == ("extends",):
        problems.append(Problem("`extends` cannot be set here", where, "write a file that extends the ones you want"))
        return root
    known = len(problems)
    value = read_yaml(value_text, lambda mark: where, problems) or ScalarNode(None, where)
    if len(problems) > known:
        return root
    try:
        return _put(root, path, (), value)
    except _ImpossibleError as error:
        problems.append(Problem(error.message, where, error.hint))
        return root


def _split(text: str) -> tuple[KeyPath, str] | None:
    """Split `a."b.c".d=value` into (a, b.c, d) and `value`; None if it cannot be read so."""
    path: list[str] = []
    start = 0
    while step := _STEP.match(text, start):
        path.append(next(part for part in (step["double"], step["single"], step["bare"]) if part is not None))
        start = step.end()
        if step["end"] == "=":
            return tuple(path), text[start:]
    return None


class _ImpossibleError(Exception):
    def __init__(self, message: str, hint: str) -> None:
        self.message, self.hint = message, hint


def _put(node: Node, path: KeyPath, done: KeyPath, value: Node) -> Node:
    """`node`, which stands at `done`, with `value` merged in at `path` below it."""
    if not path:
        return merge(node, value)
    step, rest = str(path[0]), path[1:]
    if isinstance(node, ListNode):
        return _put_item(node, path, done, value)
    if isinstance(node, ScalarNode) and node.value is not None:
        use = f"use: {node.value}, " if isinstance(node.value, str) and step != "use" else ""
        shown = plain(value) if step == "use" and not rest else "..."
        hint = f"set all of it: {written(done)}={{{use}{step}: {shown}}}"
        raise _ImpossibleError(f"{written(done)} is {plain(node)!r}, which has no {step!r}", hint)
    here = node if isinstance(node, MapNode) else MapNode({}, value.location)
    below = here.entries.get(step)
    if rest and below is not None:
        made = Entry(below.key_location, _put(below.node, rest, (*done, step), value))
        return attrs.evolve(here, entries={**here.entries, step: made})
    inner = _put(MapNode({}, value.location), rest, (*done, step), value) if rest else value
    return merge(here, MapNode({step: Entry(value.location, inner)}, value.location))


def _put_item(node: ListNode, path: KeyPath, done: KeyPath, value: Node) -> Node:
    step, rest = str(path[0]), path[1:]
    index = int(step) if step.isdecimal() else len(node.items)
    if index >= len(node.items):
        message = f"{written(done)} is a list of {len(node.items)}, and has no item {step!r}"
        raise _ImpossibleError(message, f"count from 0, or set all of it: {written(done)}=[...]")
    before, item, after = node.items[:index], node.items[index], node.items[index + 1 :]
    if isinstance(value, DeleteNode) and not rest:
        return ListNode((*before, *after), node.location)
    return ListNode((*before, _put(item, rest, (*done, step), value), *after), node.location)
