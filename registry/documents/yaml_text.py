"""YAML 1.2 text <-> trees with locations.

PyYAML parses; what plain scalars mean is decided here, by the core schema of YAML 1.2 without octal numbers: `3e-4` is a float,
`no` and `12:30:00` are strings. Every mistake becomes a located problem: all of them at once, except that nothing after a
syntax error can be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from antifaz.registry.errors import Location, Problem

from .tree import DeleteNode, Entry, ListNode, MapNode, Node, ScalarNode

Locate = Callable[[Any], Location]
"""The place of one of PyYAML's marks."""

MAX_NODES = 100_000
MAX_DEPTH = 60

_INTEGER = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, float | bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_ENVIRONMENT = re.compile(r"\$\$\{|\$\{env:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|\$\{[^}]*\}?")

_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks of YAML 1.1 that PyYAML folds unless they are escaped."""

_SYNTAX_HINTS = {
    "scanning a tag": "the only known tag is `!delete`",
    "\\t": "indent with spaces, not with tabs",
    "mapping values are not allowed": "a colon inside text needs quotes around the text; otherwise check the indentation",
    "<block end>": "check the indentation of this line and of the ones above it",
    "end of stream": "a quote or bracket that was opened is never closed",
    "expected ',' or": "a bracket that was opened is never closed, or a comma is missing",
}


class _Loader(yaml.SafeLoader):
    """PyYAML with the tags of YAML 1.2: in a flow collection one ends at a comma or a bracket (`{a: !delete, b: 1}`)."""

    def scan_tag(self) -> yaml.TagToken:
        """Return the tag that begins here. PyYAML follows YAML 1.1, where commas and brackets may be part of its name."""
        length = 1
        while self.peek(length).isalnum() or self.peek(length) in ("!", "_", "-"):
            length += 1
        if not self.flow_level or self.peek(length) not in ",[]{}":
            return super().scan_tag()
        start, tag = self.get_mark(), self.prefix(length)
        self.forward(length)
        handle = "!!" if tag.startswith("!!") else "!"
        return yaml.TagToken((handle, tag.removeprefix(handle)), start, self.get_mark())


def read_yaml(text: str, locate: Locate, problems: list[Problem]) -> Node | None:
    """Return the tree of a YAML text, or None if nothing in it can be read."""
    composer = _Composer(locate, problems)
    try:
        return composer.document(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax_problem(error, locate))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        mark = yaml.Mark("", 0, before.count("\n"), len(before) - before.rfind("\n") - 1, None, 0)
        problems.append(Problem(f"the character {chr(int(error.character))!r} is not allowed in YAML", locate(mark)))
    except _GaveUpError as error:
        problems.append(error.problem)
    return None


def scalar_value(text: str) -> str | int | float | bool | None:
    """Return the value that a plain scalar means.

    Raises:
        ValueError: for an integer of thousands of digits.
    """
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text):
        return int(text, 16 if text.startswith("0x") else 10)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax_problem(error: yaml.MarkedYAMLError, locate: Locate) -> Problem:
    mark = error.problem_mark or error.context_mark or yaml.Mark("", 0, 0, 0, None, 0)
    words = ", ".join(part for part in (error.problem, error.context) if part)
    hint = next((hint for sign, hint in _SYNTAX_HINTS.items() if sign in words), None)
    return Problem(f"not valid YAML: {words}", locate(mark), hint)


class _GaveUpError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Composer:
    """Builds the tree from parser events; `sizes` guards against aliases that would unfold into millions of values."""

    def __init__(self, locate: Locate, problems: list[Problem]) -> None:
        self.locate, self.problems = locate, problems
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.count = 0

    def report(self, message: str, event: yaml.Event, hint: str | None = None) -> None:
        self.problems.append(Problem(message, self.locate(event.start_mark), hint))

    def document(self, events: Iterator[yaml.Event]) -> Node | None:
        node: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    self.report("a second document begins here", event, "keep one document per file: remove the `---`")
                    return node
                node = self.node(next(events), events, 0)
        return node

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _GaveUpError(Problem(f"nested deeper than {MAX_DEPTH} levels", self.locate(event.start_mark)))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        assert isinstance(event, yaml.NodeEvent)
        before = self.count
        self.grow(1, event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self.scalar(event)
        else:
            assert isinstance(event, yaml.CollectionStartEvent)
            if event.tag is not None:
                self.refuse_tag(event.tag, event)
            is_map = isinstance(event, yaml.MappingStartEvent)
            node = self.mapping(event, events, depth) if is_map else self.sequence(event, events, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node, self.count - before
        return node

    def grow(self, nodes: int, event: yaml.Event) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise _GaveUpError(Problem(f"more than {MAX_NODES} values, aliases unfolded", self.locate(event.start_mark)))

    def alias(self, event: yaml.AliasEvent) -> Node:
        known = self.anchors.get(event.anchor or "")
        if known is None:
            where = "is inside of itself" if event.anchor in self.anchors else "is not defined above"
            self.report(f"the alias *{event.anchor} stands for an anchor that {where}", event)
            return ScalarNode(None, self.locate(event.start_mark))
        self.grow(known[1], event)
        return known[0]

    def sequence(self, start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> ListNode:
        items = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            item = self.node(event, events, depth + 1)
            if isinstance(item, DeleteNode):
                self.report("an entry of a list cannot be deleted: lists are replaced as a whole", event)
            else:
                items.append(item)
        return ListNode(tuple(items), self.locate(start.start_mark))

    def mapping(self, start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self.key(event, events, depth)
            node = self.node(next(events), events, depth + 1)
            if key is None:
                continue
            if key in entries:
                first = entries[key].key_location
                self.report(f"duplicate key {key!r}", event, f"the first one is at {first}; remove one of the two")
            else:
                entries[key] = Entry(self.locate(event.start_mark), node)
        return MapNode(entries, self.locate(start.start_mark))

    def key(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self.node(event, events, depth + 1)
            self.report("a key must be a string", event)
            return None
        self.grow(1, event)
        if event.tag is not None:
            self.refuse_tag(event.tag, event)
        if event.value == "<<" and event.style is None:
            self.report("merge keys (`<<`) are not part of YAML 1.2", event, "use `extends:` or repeat the keys")
            return None
        if event.style is None and not isinstance(self.resolve(event.value, event), str):
            self.report(f"the key {event.value or 'null'} is not a string", event, f'write "{event.value}"')
            return None
        return event.value

    def scalar(self, event: yaml.ScalarEvent) -> ScalarNode | DeleteNode:
        location = self.locate(event.start_mark)
        if event.tag == "!delete" and not event.value:
            return DeleteNode(location)
        if event.tag is not None:
            self.refuse_tag(event.tag, event)
        text, whole = self.substitute(event)
        read_again = event.style is None and (whole or text == event.value)
        return ScalarNode(self.resolve(text, event) if read_again else text, location)

    def resolve(self, text: str, event: yaml.Event) -> str | int | float | bool | None:
        try:
            return scalar_value(text)
        except ValueError:
            self.report(f"the number {text[:12]}... has {len(text)} digits", event)
            return None

    def refuse_tag(self, tag: str, event: yaml.Event) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        hint = "`!delete` stands alone, without a value" if tag == "!delete" else "the only known tag is `!delete`"
        self.report(f"the tag {shown} cannot be used here", event, hint)

    def substitute(self, event: yaml.ScalarEvent) -> tuple[str, bool]:
        """Return the text with its `${env:NAME}` filled in, and if it was one such expression and nothing else."""
        whole = False

        def fill(found: re.Match[str]) -> str:
            nonlocal whole
            if found[0] == "$${":
                return "${"
            name, default = found["name"], found["default"]
            if name is None:
                self.report(f"cannot read {found[0]}", event, "write ${env:NAME} or ${env:NAME:-default}; $${ is a plain ${")
                return found[0]
            whole = found[0] == event.value
            value = os.environ.get(name, default)
            if value is None:
                hint = f"set it, or give a default: ${{env:{name}:-default}}"
                self.report(f"the environment variable {name} is not set", event, hint)
            return value or ""

        return _ENVIRONMENT.sub(fill, event.value), whole


class _Writer(yaml.SafeDumper):
    """Writes what `read_yaml` reads back as the same values."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_string(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    special = text == "<<" or not isinstance(_scalar_or_none(text), str) or _BREAKS.search(text)
    style = '"' if special else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _scalar_or_none(text: str) -> object:
    try:
        return scalar_value(text)
    except ValueError:
        return None


def _write_plain(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # With no implicit resolvers, "str" is the one tag that is written without being spelled out.
    return writer.represent_scalar("tag:yaml.org,2002:str", text)


_Writer.add_representer(str, _write_string)
_Writer.add_representer(int, lambda writer, value: _write_plain(writer, str(value)))
_Writer.add_representer(bool, lambda writer, value: _write_plain(writer, "true" if value else "false"))
_Writer.add_representer(type(None), lambda writer, _: _write_plain(writer, "null"))
_Writer.add_representer(float, lambda writer, value: _write_plain(writer, _float_text(value)))


def _float_text(value: float) -> str:
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)


def _escaped(data: Any) -> Any:
    """Return the data with `${` in its values written so that reading leaves it alone; nothing is filled into keys."""
    if isinstance(data, dict):
        return {key: _escaped(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_escaped(item) for item in data]
    return data.replace("${", "$${") if isinstance(data, str) else data


def write_yaml(data: Any) -> str:
    """Write plain data (dicts, lists, scalars) as YAML that reads back as the same data; key order is kept."""
    plain = _escaped(data)
    text: str = yaml.dump(plain, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return text
