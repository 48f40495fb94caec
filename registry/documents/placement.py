"""The order of the entries of a section: one that says `before: NAME` or `after: NAME` stands beside that entry.

A place counts in the file, or among the overrides, that says it: once this lies over what it extends, its entries are moved and the
two keys are gone. Without them, an entry keeps the place that it has, and a new one is the last.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from antifaz.registry.errors import Problem, suggest

from .tree import DeleteNode, Entry, MapNode, Node, ScalarNode, child

PLACES = ("before", "after")

Ordered = Mapping[str, str]
"""The key of a section whose order counts -> what one of its entries is called."""


def place_entries(root: Node, sections: Ordered, problems: list[Problem]) -> Node:
    """Move the entries of these sections to the places that they name, and take the names of places out of them."""
    for section, noun in sections.items():
        entries = child(root, section)
        if isinstance(root, MapNode) and isinstance(entries, MapNode):
            moved = Entry(root.entries[section].key_location, _Places(entries, noun, problems).ordered())
            root = attrs.evolve(root, entries={**root.entries, section: moved})
    return root


class _Places:
    """The entries of one section, and which of them are to stand beside which.

    noun: what an entry is called in messages.
    """

    def __init__(self, section: MapNode, noun: str, problems: list[Problem]) -> None:
        self.section, self.noun, self.problems = section, noun, problems
        self.known = [name for name, entry in section.entries.items() if not isinstance(entry.node, DeleteNode)]
        self.named: dict[str, tuple[str, str]] = {}
        """The entry that is placed -> `before` or `after`, and the one beside which it is to stand."""
        for name in self.known:
            self.read(name)

    def read(self, name: str) -> None:
        """Read which place an entry names, and report a mistake in it."""
        node = self.section.entries[name].node
        written = [key for key in PLACES if isinstance(node, MapNode) and key in node.entries]
        if not written or not isinstance(node, MapNode):
            return
        place = node.entries[written[-1]].node
        if len(written) > 1:
            self.problems.append(Problem(f"{name!r} cannot be both `before` and `after`", place.location, "leave one of them out"))
        elif not isinstance(place, ScalarNode) or not isinstance(place.value, str):
            self.problems.append(Problem(f"`{written[0]}` takes the name of a {self.noun}", place.location))
        elif place.value not in self.known:
            others = [other for other in self.known if other != name]
            hint = suggest(place.value, others, noun=f"{self.noun}s")
            self.problems.append(Problem(f"unknown {self.noun} {place.value!r}", place.location, hint))
        else:
            self.named[name] = (written[0], place.value)

    def ordered(self) -> MapNode:
        """Return the section in its order; entries whose places go round in a circle are reported, and stay where they are."""
        order = [each for name in self.section.entries if name not in self.named for each in self.around(name)]
        circle = [name for name in self.section.entries if name not in order]
        if circle:
            where = self.section.entries[circle[0]].key_location
            words = ", ".join(f"{name!r} {place} {other!r}" for name in circle for place, other in [self.named[name]])
            self.problems.append(Problem(f"the places of these {self.noun}s go round in a circle: {words}", where))
            order = list(self.section.entries)
        return attrs.evolve(self.section, entries={name: _without_places(self.section.entries[name]) for name in order})

    def around(self, name: str) -> list[str]:
        """Return an entry with all that are placed around it, those of one place in the order in which they are written."""
        beside = {key: [each for each, at in self.named.items() if at == (key, name)] for key in PLACES}
        before, after = ([each for other in beside[key] for each in self.around(other)] for key in PLACES)
        return [*before, name, *after]


def _without_places(entry: Entry) -> Entry:
    node = entry.node
    if not isinstance(node, MapNode):
        return entry
    return attrs.evolve(entry, node=attrs.evolve(node, entries={k: e for k, e in node.entries.items() if k not in PLACES}))
