"""docs/errors.md: a section for every type of mistake, and examples that are what the command line says.

`...` in the page stands for names that depend on what is installed.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import antifaz.cli.new.skeleton
import antifaz.data.media.file
import antifaz.engine.run  # noqa: F401  (these modules hold types of their own)
from antifaz.cli import main
from antifaz.registry import AntifazError

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
BLOCK = re.compile(r"```(yaml|python|console)\n(.*?)```\n", re.S)


def types_below(base: type) -> set[str]:
    return {name for below in base.__subclasses__() for name in {below.__name__, *types_below(below)} if ours(below)}


def ours(type_: type) -> bool:
    return type_.__module__.startswith("antifaz.")


def said(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What a command prints of mistakes, with paths as they are seen from here, and its exit code."""
    monkeypatch.setattr("sys.argv", shlex.split(command))
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    return capsys.readouterr().err.replace(f"{Path.cwd()}/", ""), code


def test_every_type_of_mistake_has_its_section() -> None:
    sections = set(re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.M))
    assert sections == types_below(AntifazError)


def test_the_examples_are_what_the_commands_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    told = 0
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if language != "console":
            (tmp_path / text.partition("\n")[0].removeprefix("# ")).write_text(text, encoding="utf-8")
            continue
        for example in re.split(r"^(?=\$ )", text, flags=re.M)[1:]:
            command, _, expected = example.removeprefix("$ ").partition("\n")
            printed, code = said(command, capsys, monkeypatch)
            assert code == (2 if expected else 0), printed
            pattern = ".*".join(map(re.escape, expected.split("...")))
            assert re.search(f"(^|\\n){pattern}$", printed), f"{command} says\n{printed}"
            told += bool(expected)
    assert told >= 15
