"""A component in words: its example where a config has it, and the shapes of the example."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from antifaz.cli.reference.components import as_config, component_page, find_component, value_in_words
from antifaz.core.discovery import discover
from antifaz.core.streams import Shape, Stream
from antifaz.registry import Plugins, UnknownComponentError

OTHER = """
import attrs
from antifaz.core.examples import Example
from antifaz.registry import component, hookimpl, option

@component("metric", "zorro")
@attrs.frozen(kw_only=True)
class Metric:
    \"\"\"A figure.\"\"\"
    top: int = option(doc="how many")

@hookimpl
def antifaz_components():
    return [Metric]

@hookimpl
def antifaz_examples():
    return [Example("metric", "{use: zorro, top: %s}"), 1 / 0][:1]
"""


def test_a_node_with_its_example_and_shapes(plugins: Plugins) -> None:
    page = component_page(find_component("tubelets", plugins), plugins)
    assert (page.name, page.kind, page.plugin, page.module) == ("tubelets", "tokenizer", "video", "antifaz.plugins.video.spec")
    assert page.example == "graph:\n  tubelets: {use: tubelets, in: batch.video, patch: [2, 4, 4], width: 16}\n"
    assert page.arriving == {"video": "float32 (3, 4, 8, 8)"}
    assert page.leaving == {"": "8 tokens of width 16 on the grid (2, 2, 2)"}


def test_an_objective_has_its_arguments_in_its_example(plugins: Plugins) -> None:
    page = component_page(find_component("objective.cross_entropy", plugins), plugins)
    assert page.arguments == ("logits", "target")
    assert yaml.safe_load(page.example)["stages"]["train"]["objectives"]["cross_entropy"]["in"] == ["logits", "target"]
    assert {key.partition(".")[0] for key in page.arriving} == {"logits", "target"}


@pytest.mark.parametrize(("name", "near"), [("tubelet", "tubelets"), ("objective.info_nse", "info_nce"), ("backbone.vitt", "vit")])
def test_an_unknown_name_has_a_near_one(plugins: Plugins, name: str, near: str) -> None:
    with pytest.raises(UnknownComponentError, match=f"there is no component '{name}'\n    did you mean '{near}'"):
        find_component(name, plugins)


def test_a_name_of_several_kinds_is_qualified_and_a_broken_example_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text(OTHER % "x")
    plugins = discover([file])
    with pytest.raises(UnknownComponentError, match=r"2 components are called 'zorro'\n    .*mask\.zorro or metric\.zorro"):
        find_component("zorro", plugins)
    assert find_component("mask.zorro", plugins).kind.name == "mask"
    page = component_page(find_component("metric.zorro", plugins), plugins)
    assert (page.doc, page.example, [row.key for row in page.options]) == ("A figure.", "", ["top"])


def test_an_example_that_is_no_component_is_shown_without_shapes(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text((OTHER % "x").replace(", 1 / 0", ""))
    plugins = discover([file])
    page = component_page(find_component("metric.zorro", plugins), plugins)
    assert "use: zorro" in page.example
    assert (page.arriving, page.leaving) == ({}, {})


JITTER = """
import attrs
from antifaz.core.examples import Example
from antifaz.core.streams import Shape
from antifaz.registry import component, hookimpl

@component("transform", "jitter")
@attrs.frozen(kw_only=True)
class Jitter:
    \"\"\"Adds noise to a signal.\"\"\"
    domain = "signal"

@hookimpl
def antifaz_components():
    return [Jitter]

@hookimpl
def antifaz_examples():
    return [Example("transform", "jitter", {"signal": Shape((3, 100))})]
"""


def test_a_transform_of_no_decoders_domain_stands_in_the_data_set(tmp_path: Path) -> None:
    file = tmp_path / "jitter.py"
    file.write_text(JITTER)
    plugins = discover([file])
    page = component_page(find_component("jitter", plugins), plugins)
    assert page.example == "# where a data set takes transforms\ndata:\n  train: {augment: jitter}\n"
    flip = component_page(find_component("flip", plugins), plugins)
    assert yaml.safe_load(flip.example)["data"]["train"]["modalities"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Stream("x", 8, (5,)), "5 tokens of width 8"),
        (Stream("x", 8, (1,), latent=True), "1 latent token of width 8"),
        (Stream("x", 8, (2, 3), lead=(4,)), "(4) x 6 tokens of width 8 on the grid (2, 3)"),
        (Stream("x", 8, (5,), partial=True), "5 tokens of width 8, some of which are dropped in training"),
        (Shape((3, 4)), "float32 (3, 4)"),
        (Shape((), "int64", ("a", "b")), "int64 scalar, one of 2 classes"),
        (Shape((7,), "int64", vocab_size=9), "int64 (7), below 9"),
    ],
)
def test_values_in_words(value: Stream | Shape, words: str) -> None:
    assert value_in_words(value) == words


def test_a_piece_of_a_config_stands_in_braces_where_it_fits() -> None:
    long = {"use": "x", **{f"option_{i}": i for i in range(12)}}
    assert as_config({"graph": {"a": {"use": "y"}}}) == "graph:\n  a: {use: y}\n"
    assert as_config({"graph": {"a": long}}).splitlines()[:3] == ["graph:", "  a:", "    use: x"]
    assert yaml.safe_load(as_config({"graph": {"a": long}})) == {"graph": {"a": long}}
