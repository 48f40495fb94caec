"""Examples: every shipped component has one, by which the conformance kit knows it."""

from __future__ import annotations

from antifaz.core.examples import FOLDER, Example
from antifaz.core.kinds import KINDS
from antifaz.registry import Plugins


def test_every_shipped_example_is_of_a_known_kind(plugins: Plugins) -> None:
    examples = [example for listed in plugins.manager.hook.antifaz_examples() for example in listed]
    assert examples
    assert all(isinstance(example, Example) for example in examples)
    assert {example.kind for example in examples} <= KINDS.keys()


def test_examples_that_read_files_say_how_to_write_them(plugins: Plugins) -> None:
    for listed in plugins.manager.hook.antifaz_examples():
        for example in listed:
            assert example.prepare is None or FOLDER in example.text, example.text


def test_an_example_needs_its_kind_and_its_text_alone() -> None:
    example = Example("mask", "zorro")
    assert (dict(example.inputs), example.prepare) == ({}, None)
