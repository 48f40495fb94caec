"""Templates, values as text, and the writing of pages. Everything that is put into a template is escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from antifaz.registry import WriteError
from antifaz.registry.files import write_atomically

from .results import number, percent


def write_page(path: Path, text: str) -> None:
    """Write a page.

    Raises:
        WriteError: it cannot be written there.
    """
    try:
        write_atomically(path, text)
    except WriteError as error:
        raise WriteError(error.message, hint="choose another place with --output FILE") from None


def template(name: str) -> jinja2.Template:
    """Load a template that escapes everything that is put into it."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, percent=percent, shown=shown)
    return environment.get_template(name)


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten a tree of mappings into dotted keys and values as text."""
    entries: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            entries.update(flat(value, f"{prefix}{key}."))
        else:
            entries[f"{prefix}{key}"] = shown(value)
    return entries


def shown(value: Any) -> str:
    """Write a value of a config or of the environment as a person would."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return "{}" if value == {} else str(value)


def data_uri(media_type: str, content: bytes) -> str:
    """Write content into a `data:` URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
