"""Tags of YAML 1.2: inside brackets and braces a tag ends where they, or a comma, go on."""

from __future__ import annotations

import pytest

from antifaz.registry import Location, Problem
from antifaz.registry.documents.tree import DeleteNode, MapNode, Node
from antifaz.registry.documents.yaml_text import read_yaml


def parsed(text: str) -> tuple[Node | None, list[str]]:
    problems: list[Problem] = []
    node = read_yaml(text, lambda mark: Location("f", mark.line + 1, mark.column + 1), problems)
    return node, [str(problem).partition("\n")[0] for problem in problems]


@pytest.mark.parametrize(
    "text", ["{a: !delete, b: 1}", "{a: !delete,b: 1}", "{a: !delete , b: 1}", "{b: 1, a: !delete}", "{a: !delete}"]
)
def test_a_key_is_deleted_in_a_flow_mapping(text: str) -> None:
    node, problems = parsed(text)
    assert problems == []
    assert isinstance(node, MapNode)
    assert node.entries["a"].node == DeleteNode(Location("f", 1, text.index("!") + 1))
    if "b" in node.entries:
        assert node.entries["b"].key_location == Location("f", 1, text.index("b") + 1)


def test_a_nested_flow_mapping_over_several_lines() -> None:
    node, problems = parsed("graph:\n  {encoder: {mask: !delete,\n   depth: 2}, fusion: !delete}\n")
    assert problems == []
    assert isinstance(node, MapNode)
    graph = node.entries["graph"].node
    assert isinstance(graph, MapNode)
    assert graph.entries["fusion"].node == DeleteNode(Location("f", 3, 23))
    encoder = graph.entries["encoder"].node
    assert isinstance(encoder, MapNode)
    assert encoder.entries["mask"].node == DeleteNode(Location("f", 2, 20))
    assert encoder.entries["depth"].key_location == Location("f", 3, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[!delete, 1]", "f:1:2: an entry of a list cannot be deleted: lists are replaced as a whole"),
        ("{a: !deleted, b: 1}", "f:1:5: the tag !deleted cannot be used here"),
        ("{b: 1, a: !!str, c: 1}", "f:1:11: the tag !!str cannot be used here"),
        ("{a: !delete[1]}", "f:1:5: the tag !delete cannot be used here"),
        ("{a: !, b: 1}", "f:1:5: the tag ! cannot be used here"),
        ("a: !delete, b\n", "f:1:4: the tag !delete, cannot be used here"),
    ],
)
def test_other_tags_are_refused_by_their_names(text: str, message: str) -> None:
    assert parsed(text)[1] == [message]
