"""Writes docs/reference from the specs, the config's types, the hooks and the protocols: `make reference`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reference_code import implementation, member_lines, protocols, skeleton_code
from reference_examples import HOOKS

from antifaz.cli.reference.components import ComponentPage, component_page
from antifaz.cli.reference.options import OptionRow, option_rows
from antifaz.core import interfaces
from antifaz.core.discovery import discover
from antifaz.core.experiment import (
    STAGES,
    DataEntry,
    Declared,
    Header,
    MetricEntry,
    NodeEntry,
    ObjectiveEntry,
    PretrainedPart,
    Published,
)
from antifaz.core.interfaces import hooks
from antifaz.core.kinds import KINDS, Kind
from antifaz.registry import Plugins, slot_kinds

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
MARK = "<!-- Written by `make reference` from the code; change the docstring or the `doc` of the option there. -->\n\n"
PLACES: Mapping[str, str] = {
    "mask": "`mask:` of a backbone or readout",
    "objective": "`objectives:` of a stage that trains, by name",
    "optimizer": "`optimizer:` of a stage that trains",
    "schedule": "`schedule:` of a stage that trains",
    "callback": "the list `callbacks:` of a stage that trains",
    "logger": "the list `loggers:` at the top of a config",
    "metric": "`metrics:` of a stage that evaluates, by name",
    "dataset": "an entry of `data:`",
    "decoder": "`modalities:` of a data set, by the name of the entry that it makes",
    "transform": "`augment:` of a decoder, or where a data set of your own takes transforms",
    "batch_transform": "the list `transforms:` of an entry of `data:`",
    "weights": "`init:` of a stage, by the name of the node that takes a part of them",
}
"""Where a config names a component; those of the other kinds are nodes of the graph."""
PLACE = "In a config that extends another, `before: STAGE` or `after: STAGE` says where a new one stands; without, it is the last."
SECTIONS: Mapping[str, tuple[type, str]] = {
    "The top of a config": (Header, "Beside the sections `data`, `graph` and `stages`, and `extends`."),
    "An entry of `data:`": (DataEntry, "`data_defaults:` has the same keys; it is laid under each entry of `data:`."),
    "An entry of `graph:`": (NodeEntry, ""),
    **{f"A stage with `task: {task}`": (type_, PLACE) for task, type_ in STAGES.items()},
    "An entry of `objectives:`": (ObjectiveEntry, ""),
    "An entry of `metrics:`": (MetricEntry, ""),
    "An entry of `init:`": (PretrainedPart, "Where it is not the name of a stage or a file."),
    "`published:`": (Published, ""),
    "An entry of `inputs:`": (Declared, "Where it is not the list of its sizes, `[3, 224, 224]`."),
}


def pages(plugins: Plugins) -> dict[str, str]:
    """Return the text of every page by the name of its file."""
    components: dict[str, list[ComponentPage]] = {name: [] for name in KINDS}
    for component in plugins.catalogue:
        if component.spec.__module__.startswith("antifaz."):
            components[component.kind.name].append(component_page(component, plugins))
    texts = {"README.md": index_page(components), "config.md": config_page()}
    texts |= {"hooks.md": hooks_page(), "protocols.md": protocols_page()}
    texts |= {f"{name}.md": kind_page(kind, components[name]) for name, kind in KINDS.items()}
    return {name: MARK + text.rstrip() + "\n" for name, text in texts.items()}


def index_page(components: Mapping[str, Sequence[ComponentPage]]) -> str:
    rows = []
    for name, listed in components.items():
        names = ", ".join(f"[`{each.name}`]({name}.md#{anchor(each.name)})" for each in listed)
        rows.append((f"[{name}]({name}.md)", KINDS[name].about, names))
    return f"""# Reference

Everything that a config can say and a plugin can implement, as the code has it. `antifaz components NAME` shows one component in
the terminal, those of your own plugins too.

* [config.md](config.md): every key of a config.
* [hooks.md](hooks.md): the functions of a plugin, and when each is called.
* [protocols.md](protocols.md): what the classes of a plugin implement.

## Components

{table(("kind", "what it is", "shipped components"), rows)}
"""


def kind_page(kind: Kind, components: Sequence[ComponentPage]) -> str:
    place = PLACES.get(kind.name, "an entry of `graph:`")
    protocol = next(name for name, value in vars(interfaces).items() if kind in slot_kinds(value))
    call = f" The graph calls its module as {paragraphs(kind.call)}" if kind.call is not None else ""
    listing = ", ".join(f"[`{each.name}`](#{anchor(each.name)})" for each in components)
    shipped = f"Shipped: {listing}." if components else "None is shipped."
    name = kind.name.replace("_", " ")
    parts = [
        f"# {name.capitalize()}: {kind.about}\n\n"
        f"A config names it by `use:` in {place}. Its spec implements [`{protocol}`](protocols.md#{protocol.lower()}).{call}\n\n"
        f"{shipped} [Write your own](#your-own) by `antifaz new NAME --kind {kind.name}`.\n"
    ]
    parts += [component_section(component) for component in components]
    code = "\n".join(fenced(text, "python") for text in skeleton_code(kind.name))
    own = f"`antifaz new my-plugin --kind {kind.name}` writes this, with an example for the [conformance kit](../conformance.md):"
    return "\n".join([*parts, f"## Your own\n\n{own}\n\n{code}"])


def component_section(component: ComponentPage) -> str:
    """Return a component's part of the page of its kind."""
    file = f"{component.module.removeprefix('antifaz.').replace('.', '/')}.py"
    if not (ROOT / file).is_file():
        file = file.replace(".py", "/__init__.py")
    text = f"## `{component.name}`\n\n{component.doc}\n\nFrom the plugin `{component.plugin}`, [{file}](../../{file}).\n\n"
    if component.arguments:
        text += f"Arguments, filled by `in:`: {', '.join(f'`{each}`' for each in component.arguments)}.\n\n"
    text += option_table(component.options) if component.options else "No options.\n"
    if component.example:
        text += f"\n{fenced(component.example, 'yaml')}"
    if component.arriving or component.leaving:
        rows = [("in", key, words) for key, words in component.arriving.items()]
        rows += [("out", key, words) for key, words in component.leaving.items()]
        text += f"\n{table(('', 'value', 'of one sample'), [(way, f'`{key}`' if key else '', words) for way, key, words in rows])}"
    return text


def config_page() -> str:
    """Return the page of the keys of a config."""
    parts = [
        """# Keys of a config

A config is a YAML file. `extends: FILE` (or a list of files) lays it over others: mappings merge, other values and lists are
replaced, a mapping whose `use` changes is replaced as a whole, and `!delete` removes a key. `${env:NAME:-default}` takes a value
from the environment. Any value can be set from the command line: `antifaz run my.yaml stages.train.steps=50`.

Keys of a component stand beside `use`; their pages are listed in the [index](README.md). A component without required options may
be written as its name alone: `mask: zorro`. A whole config to read: [quickstart.yaml](../../configs/quickstart/quickstart.yaml).
"""
    ]
    sections = [type_ for type_, _ in SECTIONS.values()]
    for title, (type_, note) in SECTIONS.items():
        words = " ".join(filter(None, (paragraphs(type_), note)))
        parts.append(f"## {title}\n\n{words}\n\n{option_table(option_rows(type_, apart=sections))}")
    return "\n".join(parts)


def hooks_page() -> str:
    """Return the page of the hooks."""
    parts = [
        """# Hooks

A plugin is a module that implements some of these functions under `@hookimpl`. It is found by an entry point of the group
`antifaz` in its distribution, or named on the command line: `antifaz run my.yaml -p my_plugin.py`. A hook may leave out arguments
that it does not need. Of several plugins, all are called.
"""
    ]
    for name, hook in vars(hooks).items():
        if name.startswith("antifaz_"):
            signature = str(inspect.signature(hook)).replace("'", "")
            example = f"\n{fenced(HOOKS[name], 'python')}" if name in HOOKS else ""
            parts.append(f"## `{name}`\n\n`{name}{signature}`\n\n{paragraphs(hook)}\n{example}")
    return "\n".join(parts)


def protocols_page() -> str:
    """Return the page of the protocols, by the modules of `antifaz.core.interfaces`."""
    parts = [
        """# Protocols

The classes of a plugin implement these by having their members; nothing needs to derive from them. Specs are frozen attrs classes
that import no torch: it is imported inside `build`. All are in `antifaz.core.interfaces`.
"""
    ]
    for module, members in protocols().items():
        title, _, rest = inspect.cleandoc(module.__doc__ or "").partition("\n")
        parts.append(f"## {title.rstrip('.')}\n{rest}\n" if rest else f"## {title.rstrip('.')}\n")
        for protocol in members:
            name = protocol.__name__
            text = f"### `{name}`\n\n{inspect.cleandoc(protocol.__doc__ or '')}\n\n{member_lines(protocol)}"
            if kinds := slot_kinds(protocol):
                pages = ", ".join(f"[{kind.name}]({kind.name}.md#your-own)" for kind in kinds)
                text += f"\nImplemented by the spec of a component; an example: {pages}.\n"
            elif (found := implementation(protocol)) is not None:
                where, code = found
                text += f"\nAn example, {where}:\n\n{fenced(code, 'python')}"
            parts.append(text)
    return "\n".join(parts)


def option_table(rows: Iterable[OptionRow]) -> str:
    cells = []
    for row in rows:
        type_ = row.type
        for kind in row.kinds[:1] if len(row.kinds) == 1 else ():
            type_ = type_.replace(kind, f"[{kind}]({kind}.md)")
        type_ = f"{type_}, {row.bounds}" if row.bounds else type_
        default = row.default if row.default in ("", "required") else f"`{row.default}`"
        cells.append((f"`{row.key}`", type_, default, row.doc))
    return table(("key", "type", "default", "what it is"), cells)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fenced(code: str, language: str) -> str:
    return f"```{language}\n{code.strip()}\n```\n"


def paragraphs(documented: object) -> str:
    """Return a docstring as Markdown."""
    return inspect.getdoc(documented) or ""


def anchor(name: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return "".join(letter for letter in name.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the pages, and delete those of kinds that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(FOLDER, pages(discover()))
