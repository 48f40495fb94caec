"""Defaults of a section: keys that each of its entries has unless it says otherwise, as `data_defaults` has for `data`.

They are laid under the entries by the rules of `extends`, after all files and overrides are merged: every value keeps the place
where it was written, and an entry with another `use` takes none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from antifaz.registry.errors import Problem

from .tree import Entry, MapNode, Node, ScalarNode, child, merge, plain

Sections = Mapping[str, str]
"""The key of a section -> the key of its defaults."""


def state_use(root: Node, sections: Sections) -> Node:
    """Give entries without `use` that of the defaults, so that a file or override which changes it replaces the whole entry."""
    for section, key in sections.items():
        defaults, entries = child(root, key), child(root, section)
        if (
            isinstance(root, MapNode)
            and isinstance(defaults, MapNode)
            and isinstance(entries, MapNode)
            and "use" in defaults.entries
        ):
            only = attrs.evolve(defaults, entries={"use": defaults.entries["use"]})
            root = _with_section(root, section, _laid_under(only, entries))
    return root


def lay_under(root: Node, sections: Sections, problems: list[Problem]) -> tuple[Node, bool]:
    """Lay the defaults of each section under its entries, and return the tree without them, and if all of them could be read."""
    readable = True
    for section, key in sections.items():
        defaults, entries = child(root, key), child(root, section)
        if not isinstance(root, MapNode) or defaults is None:
            continue
        root = attrs.evolve(root, entries={name: entry for name, entry in root.entries.items() if name != key})
        if isinstance(defaults, MapNode) and isinstance(entries, MapNode) and entries.entries:
            root = _with_section(root, section, _laid_under(defaults, entries))
        elif isinstance(defaults, MapNode):
            if defaults.entries and (entries is None or not plain(entries)):
                hint = f"add entries to `{section}`, or leave `{key}` out"
                problems.append(Problem(f"no entry of `{section}` takes `{key}`: there is none", defaults.location, hint))
        elif not (isinstance(defaults, ScalarNode) and defaults.value is None):
            message = f"`{key}` must be a mapping of the keys that all entries of `{section}` have"
            problems.append(Problem(message, defaults.location))
            readable = False
    return root, readable


def _laid_under(defaults: MapNode, entries: MapNode) -> MapNode:
    merged = {name: Entry(entry.key_location, merge(defaults, entry.node)) for name, entry in entries.entries.items()}
    return attrs.evolve(entries, entries=merged)


def _with_section(root: MapNode, section: str, node: MapNode) -> MapNode:
    return attrs.evolve(root, entries={**root.entries, section: Entry(root.entries[section].key_location, node)})
