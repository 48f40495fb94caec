"""The code blocks of a page of docs/, in order."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"(?:^`(?P<file>[\w./]+)`:\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Yield the language, the text and the file of each block; a file is named in the line before its block, as `it.yaml`:"""
    for found in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        yield found["language"], found["text"], found["file"] or ""


def followed(page: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """Write a page's files and run its commands and its Python in order, from a new folder; return what each of them printed.

    environment: of the commands. A page may change the folder by `cd`.
    """
    folder.mkdir()
    said = []
    for language, text, file in blocks(page):
        if file:
            (folder / file).write_text(text, encoding="utf-8")
        elif language == "sh":
            *printed, place = _entered(["bash", "-ec", f"{text}\npwd"], folder, environment).splitlines()
            folder = Path(place)
            said.append("\n".join(printed))
        elif language == "python":
            said.append(_entered([sys.executable, "-c", text], folder, environment))
    return said


def _entered(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout
