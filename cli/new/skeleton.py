"""Writes the skeleton of a plugin: a distribution with a component of each wanted kind, its tests and its README. No torch."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from string import Template

from antifaz.core.kinds import KINDS
from antifaz.registry import AntifazError, WriteError, suggest

TEMPLATES = Path(str(resources.files("antifaz.cli.new").joinpath("templates")))
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
IMPORTS = {"Example": "antifaz.core.examples", "Shape": "antifaz.core.streams", "Stream": "antifaz.core.streams"}


class SkeletonError(AntifazError):
    """A plugin skeleton that cannot be written: its name, its kinds, or its folder."""


def write_skeleton(name: str, kinds: Sequence[str], folder: Path) -> list[Path]:
    """Write a plugin into `folder / name` and return its files.

    name: of the distribution, in lower case; with `_` for `-` it names the package and the component (`NAME_KIND` if there are
    several kinds).
    Raises:
        SkeletonError: an unknown kind, a name that cannot be used, a folder that already exists.
    """
    if not NAME.fullmatch(name):
        raise SkeletonError(
            f"{name!r} cannot name a plugin", hint="use lower-case letters, digits and `-`, beginning with a letter"
        )
    package = name.replace("-", "_")
    if keyword.iskeyword(package) or importlib.util.find_spec(package) is not None:
        raise SkeletonError(f"{package!r} is a word of Python or a package that is installed", hint="choose another name")
    if not kinds:
        raise SkeletonError("a plugin needs a component of one kind or more", hint=f"kinds: {', '.join(KINDS)}")
    for kind in kinds:
        if kind not in KINDS:
            raise SkeletonError(f"unknown kind {kind!r}", hint=suggest(kind, list(KINDS), noun="kinds"))
    root = folder / name
    if root.exists():
        raise SkeletonError(f"{root} already exists", hint="choose another name, or another folder with --folder DIR")
    files = {root / place: text for place, text in _files(name, list(dict.fromkeys(kinds))).items()}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WriteError.of(root, error, hint="choose another folder with --folder DIR") from None
    return list(files)


def _files(name: str, kinds: Sequence[str]) -> dict[str, str]:
    package = name.replace("-", "_")
    title = package.replace("_", " ").capitalize()
    components = {kind: package if len(kinds) == 1 else f"{package}_{kind}" for kind in kinds}
    classes = {kind: component.title().replace("_", "") for kind, component in components.items()}
    files: dict[str, str] = {}
    examples, yaml, before = [], [], []
    for kind in kinds:
        words = {"title": title, "component": components[kind], "Class": classes[kind]}
        files[f"src/{package}/{kind}.py"] = _filled(f"{kind}/spec.py", words)
        if _exists(f"{kind}/module.py"):
            files[f"src/{package}/{kind}_module.py"] = _filled(f"{kind}/module.py", words)
        examples.append(_filled(f"{kind}/example", words).rstrip("\n"))
        yaml.append(_filled(f"{kind}/yaml", words).rstrip("\n"))
        if _exists(f"{kind}/example_imports"):
            before.append(_filled(f"{kind}/example_imports", words))
    listed = "\n".join(examples)
    common = {
        "title": title,
        "distribution": name,
        "package": package,
        "component": next(iter(components.values())),
        "components": ", ".join(components.values()),
        "classes": _listing(list(classes.values())),
        "yaml": "\n\n".join(yaml),
        "examples": listed,
    }
    own = "\n".join(f"from .{kind} import {classes[kind]}" for kind in sorted(kinds))
    files[f"src/{package}/__init__.py"] = _filled("common/init.py", {**common, "imports": own})
    files[f"src/{package}/examples.py"] = _filled("common/examples.py", {**common, "imports": _imports(listed, before)})
    files["pyproject.toml"] = _filled("common/pyproject.toml", common)
    files["README.md"] = _filled("common/README.md", common)
    files["tests/test_conformance.py"] = _filled("common/test.py", common)
    return files


def _listing(classes: Sequence[str]) -> str:
    """Return the classes as the items of a list, on one line while it is short."""
    line = ", ".join(classes)
    return line if len(line) < 80 else "\n" + "".join(f"        {each},\n" for each in classes) + "    "


def _imports(examples: str, before: Sequence[str]) -> str:
    """Return the imports of the examples in the usual order, and below them the functions that write files.

    before: for each kind that needs them, import lines and functions, with two empty lines between the two.
    """
    heads, functions = zip(*(text.split("\n\n\n", 1) for text in before), strict=True) if before else ((), ())
    names: dict[str, list[str]] = {}
    for word, module in IMPORTS.items():
        if f"{word}(" in examples:
            names.setdefault(module, []).append(word)
    lines = {f"from {module} import {', '.join(words)}" for module, words in names.items()}
    lines |= {line for head in heads for line in head.splitlines() if line}
    ordered = sorted(lines, key=lambda line: (line.split()[0] == "from", line.split()[1]))
    standard = [line for line in ordered if line.split()[1].partition(".")[0] in sys.stdlib_module_names]
    blocks = ["\n".join(standard), "\n".join(line for line in ordered if line not in standard)]
    imports = "\n\n".join(block for block in blocks if block)
    return "\n\n\n".join([imports, *(text.strip() for text in functions)]) + ("\n" if functions else "")


def _template(place: str) -> Path:
    return TEMPLATES.joinpath(*f"{place}.tmpl".split("/"))


def _exists(place: str) -> bool:
    return _template(place).is_file()


def _filled(place: str, words: dict[str, str]) -> str:
    return Template(_template(place).read_text(encoding="utf-8")).substitute(words)
