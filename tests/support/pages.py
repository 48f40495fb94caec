"""The code blocks of a page of docs/, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"(?:^`(?P<file>[\w.]+)`:\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield the language, the text and the file of each block; a file is named in the line before its block, as `it.yaml`:"""
    for found in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        yield found["language"], found["text"], found["file"] or ""
