"""A stream may have any name: members of torch's modules, keywords, numbers, private names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs
import pytest
import torch
from torch import nn

from antifaz.core.discovery import discover
from antifaz.core.examples import Example
from antifaz.core.kinds import KINDS
from antifaz.core.streams import Stream, Value, parameter_name
from antifaz.registry import component_of
from antifaz.testing.case import Case
from antifaz.testing.nodes import Node

MEMBERS = sorted({name for container in (nn.Module, nn.ModuleDict, nn.ParameterDict) for name in dir(container())})
HARD = ("type", "forward", "half", "values", "keys", "_modules", "to", "training", "class", "1st", "named-buffers")
ROLES = ("common_space", "perceiver_decoder")
"""Components that tell by a stream's name what it is."""
PLUGINS = discover()
EXAMPLES = [
    example
    for examples in PLUGINS.manager.hook.antifaz_examples()
    for example in examples
    if KINDS[example.kind].accepts in ("tokens", "tensors") and not any(name in example.text for name in ROLES)
]


def test_every_member_of_a_module_may_name_parameters() -> None:
    names = {name: parameter_name(name) for name in MEMBERS}
    assert len(set(names.values())) == len(MEMBERS)
    assert nn.ModuleDict({name: nn.Identity() for name in names.values()}).keys() == set(names.values())
    assert nn.ParameterDict({name: nn.Parameter(torch.ones(1)) for name in names.values()}).keys() == set(names.values())


@pytest.mark.parametrize("name", ["audio", "video_2", "maps", "weight", "x_"])
def test_other_names_stay(name: str) -> None:
    assert parameter_name(name) == name


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: re.sub(r"\W+", " ", example.text))
def test_a_node_runs_on_streams_of_any_name(example: Example) -> None:
    names = dict(zip(example.inputs, HARD, strict=False))
    text = re.sub(r"\w+", lambda word: f'"{names[word[0]]}"' if word[0] in names else word[0], example.text)
    inputs: Mapping[str, Value] = {
        names[key]: attrs.evolve(value, name=names[key]) if isinstance(value, Stream) else value
        for key, value in example.inputs.items()
    }  # type: ignore[union-attr]
    node = Node(Case(component_of(text, example.kind, PLUGINS.catalogue), inputs))
    assert set(node(node.draw())) == set(node.outputs)
