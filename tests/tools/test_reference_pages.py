"""docs/reference: everything that can be written or implemented is in it, and it is what the code says today."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import reference_code
import reference_examples
import reference_pages
import yaml

from antifaz.cli.config_schema import config_schema
from antifaz.core import interfaces
from antifaz.core.discovery import discover
from antifaz.core.experiment import STAGES, DataEntry, Header, MetricEntry, NodeEntry, ObjectiveEntry
from antifaz.core.interfaces import hooks
from antifaz.core.kinds import KINDS
from antifaz.registry import Plugins, key_of
from antifaz.registry.specs.structuring import fields_of

ADVICE = "docs/reference is out of date; renew it: make reference"
PROTOCOLS = [name for name, value in vars(interfaces).items() if getattr(value, "_is_protocol", False)]
HOOKS = [name for name in vars(hooks) if name.startswith("antifaz_")]


@pytest.fixture(scope="module")
def committed() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in reference_pages.FOLDER.glob("*.md")}


def section(page: str, title: str) -> str:
    """The text below a heading, up to the next one of its level."""
    level, _, _ = title.partition(" ")
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^{level} |\Z)", page, re.M | re.S)
    assert found is not None, f"{title}: {ADVICE}"
    return found[1]


def test_the_pages_are_what_the_code_says(plugins: Plugins, committed: dict[str, str]) -> None:
    written = reference_pages.pages(plugins)
    assert sorted(committed) == sorted(written), ADVICE
    assert [name for name, text in written.items() if committed[name] != text] == [], ADVICE


def test_every_component_has_its_options_and_an_example(plugins: Plugins, committed: dict[str, str]) -> None:
    for component in plugins.catalogue:
        text = section(committed[f"{component.kind.name}.md"], f"## `{component.name}`")
        assert component.summary in text
        keys = {key_of(field) for field in fields_of(component.spec) if not field.metadata.get("flatten")}
        assert {key for key in keys if f"\n| `{key}` | " not in text} == set(), component.name
        assert all(f"`{argument}`" in text for argument in component.declaration.arguments)
        assert "```yaml\n" in text, component.name


def test_nodes_say_what_they_make_of_their_example(plugins: Plugins, committed: dict[str, str]) -> None:
    for component in plugins.catalogue:
        if KINDS[component.kind.name].accepts is not None:
            text = section(committed[f"{component.kind.name}.md"], f"## `{component.name}`")
            assert "\n| out | " in text, component.name


@pytest.mark.parametrize(
    ("title", "type_"),
    [
        ("The top of a config", Header),
        ("An entry of `data:`", DataEntry),
        ("An entry of `graph:`", NodeEntry),
        ("An entry of `objectives:`", ObjectiveEntry),
        ("An entry of `metrics:`", MetricEntry),
        *((f"A stage with `task: {task}`", type_) for task, type_ in STAGES.items()),
    ],
)
def test_every_key_of_a_config_is_there(committed: dict[str, str], title: str, type_: type) -> None:
    text = section(committed["config.md"], f"## {title}")
    for field in fields_of(type_):
        key = "use" if field.metadata.get("flatten") else key_of(field)
        assert f"\n| `{key}` | " in text
        assert field.metadata.get("doc", "").replace("|", "\\|") in text


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_there_with_an_example_that_works(committed: dict[str, str], name: str, tmp_path: Path) -> None:
    hook = getattr(hooks, name)
    text = section(committed["hooks.md"], f"## `{name}`")
    assert all(parameter in text for parameter in inspect.signature(hook).parameters)
    assert inspect.getdoc(hook) in text
    file = tmp_path / "mine.py"
    file.write_text(reference_examples.HOOKS[name])
    (row,) = [row for row in discover([file]).rows if row.origin == str(file)]
    assert row.hooks == (name,)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_there_with_an_example(committed: dict[str, str], name: str) -> None:
    protocol = getattr(interfaces, name)
    text = section(committed["protocols.md"], f"### `{name}`")
    assert inspect.getdoc(protocol) in text
    for member in reference_code.members_of(protocol):
        assert re.search(rf"^\* `{member}\b", text, re.M), member
    assert "xample" in text, f"nothing shipped implements {name}: add it to SHIPPED of reference_code.py, or USES beside it"


@pytest.fixture(scope="module")
def validator(plugins: Plugins) -> Any:
    return jsonschema.Draft202012Validator(config_schema(plugins.catalogue))


@pytest.mark.parametrize("kind", KINDS)
def test_the_examples_are_accepted_in_a_config(validator: Any, committed: dict[str, str], kind: str) -> None:
    own = committed[f"{kind}.md"]
    for block in re.findall(r"```yaml\n(.*?)```", own, re.S):
        assert [error.message for error in validator.iter_errors(yaml.safe_load(block))] == [], block


def test_links_lead_somewhere(committed: dict[str, str]) -> None:
    texts = {name: re.sub(r"```.*?```", "", text, flags=re.S) for name, text in committed.items()}
    anchors = {
        name: {reference_pages.anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.M)} for name, text in texts.items()
    }
    for name, text in texts.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            file, _, place = target.partition("#")
            path = (reference_pages.FOLDER / (file or name)).resolve()
            assert path.exists(), f"{name}: {target}"
            assert not place or place in anchors[path.name], f"{name}: {target}"
