"""A YAML text as an editor's validator sees it: nothing filled in or merged, and `!delete` is a tag on nothing."""

from __future__ import annotations

from typing import Any

import yaml

from antifaz.registry.documents.yaml_text import scalar_value


def editor_view(text: str, deleted: Any = "") -> Any:
    """Plain data. deleted: what a validator takes a `!delete` for, an empty text or null."""
    return _plain(yaml.compose(text, Loader=yaml.SafeLoader), deleted)


def _plain(node: yaml.Node, deleted: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {_plain(key, deleted): _plain(value, deleted) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, deleted) for item in node.value]
    if node.tag == "!delete":
        return deleted
    return scalar_value(node.value) if node.style is None else node.value
