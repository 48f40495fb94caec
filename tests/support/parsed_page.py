"""A page of a report taken apart, for tests."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from antifaz.report.page import write_report

SECTIONS = {"results", "stages", "curves", "graph", "mask", "confusion", "samples", "data", "warnings", "environment", "config"}
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Parsed(HTMLParser):
    """A page taken apart: ids, tags with attributes, text; elements must nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id" and value is not None]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, text: str) -> None:
        self.text += text

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def parsed(root: Path) -> Parsed:
    """The page of a run, written anew."""
    return Parsed(write_report(root).read_text(encoding="utf-8"))
